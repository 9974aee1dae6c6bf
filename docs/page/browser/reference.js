// @ts-check
// Prepares Redoc: it draws every operation at once, so that the browser's own search and printing find all of them, shows
// the reader's own values, and loads nothing from other hosts.
{
  /** What the script of both pages provides. @type {{
   *   withValues: (text: string) => string,
   *   chosenLanguage: () => string,
   *   storeLanguage: (language: string) => void,
   * }} */
  const { withValues, chosenLanguage, storeLanguage } = Object(window);

  // Without a hash, Redoc shows its overview with the operations collapsed.
  if (location.hash === '') history.replaceState(null, '', '#/leads/addlead');

  // Redoc draws an operation when it comes near the screen, as far as `rootMargin` reaches.
  const Native = window.IntersectionObserver;
  window.IntersectionObserver = class extends Native {
    /** @param {IntersectionObserverCallback} callback @param {IntersectionObserverInit} [options] */
    constructor(callback, options) {
      super(callback, options?.rootMargin === undefined ? options : { ...options, rootMargin: '1000000px' });
    }
  };

  // Redoc's own search, which this page hides, would start a worker from text, which the security policy forbids.
  Object.assign(window, { Worker: undefined });

  // Redoc's menu, which this page hides, contains a logo of its vendor, whose source it sets in both ways.
  const { setAttribute } = Element.prototype;
  /** @param {string} name @param {string} value */
  HTMLImageElement.prototype.setAttribute = function (name, value) {
    if (name !== 'src') setAttribute.call(this, name, value);
  };
  Object.defineProperty(HTMLImageElement.prototype, 'src', { set: () => {} });

  const complete = () => {
    // Redoc labels the menus of examples in a way that hides the chosen example from screen readers.
    for (const menu of document.querySelectorAll('#redoc button[aria-label=Example]'))
      menu.removeAttribute('aria-label');
    // Redoc leaves out a level of headings below an operation.
    for (const heading of document.querySelectorAll('#redoc :is(h4, h5, h6):not([aria-level])')) {
      heading.setAttribute('role', 'heading');
      heading.setAttribute('aria-level', String(Number(heading.tagName.slice(1)) - 1));
    }
    // On phones, each cell shows the heading of its column.
    for (const cell of document.querySelectorAll('#redoc td:not([data-label])')) {
      if (!(cell instanceof HTMLTableCellElement)) continue;
      const heading = cell.closest('table')?.tHead?.rows[0]?.cells[cell.cellIndex];
      cell.dataset['label'] = heading?.textContent ?? '';
    }
  };
  new MutationObserver(complete).observe(document.getElementById('redoc') ?? document.body, {
    childList: true,
    subtree: true,
  });

  // The choice of language applies to every operation, and to the guide.
  /** The menus of languages in Redoc, whose labels are the chosen languages. @param {string[]} languages */
  const languageMenus = (languages) =>
    [...document.querySelectorAll('#redoc button[aria-haspopup=menu]')].filter((button) =>
      languages.includes(button.textContent ?? ''),
    );
  document.addEventListener('click', ({ target, isTrusted }) => {
    const item = target instanceof Element ? target.closest('[role=menuitem]') : null;
    const menu = item?.closest('[role=menu]');
    if (item === null || !isTrusted || !menu) return;
    const languages = [...menu.querySelectorAll('[role=menuitem]')].map((each) => each.textContent ?? '');
    const language = item.textContent ?? '';
    if (languageMenus(languages).length === 0) return;
    storeLanguage(language);
    void chooseLanguage(languages, language);
  });
  /** @param {string[]} languages @param {string} language */
  const chooseLanguage = async (languages, language) => {
    for (const button of languageMenus(languages)) {
      if (!(button instanceof HTMLElement) || button.textContent === language) continue;
      button.click();
      // Redoc draws a menu when it opens.
      await new Promise((resolve) => setTimeout(resolve));
      const items = [...document.querySelectorAll('[role=menuitem]')];
      const item = items.find((each) => each.textContent === language && each.closest('#redoc') === null);
      if (item instanceof HTMLElement) item.click();
    }
  };

  /** Puts the reader's own values into the samples of a contract. @param {any} definition */
  const withOwnValues = (definition) => {
    const contract = definition.definition ?? definition;
    contract.servers = [{ url: withValues('https://leads.example') }];
    for (const { post } of Object.values(contract.paths)) {
      for (const sample of post['x-codeSamples']) sample.source = withValues(sample.source);
    }
    return definition;
  };

  /**
   * Puts the chosen language first, which is the one that Redoc shows.
   *
   * @param {{ codeSamples: { languages: { lang: string }[] } }} options
   */
  const withChosenLanguage = (options) => {
    const isChosen = (/** @type {{ lang: string }} */ { lang }) => lang === chosenLanguage();
    options.codeSamples.languages.sort((one, other) => Number(isChosen(other)) - Number(isChosen(one)));
    return options;
  };
  Object.assign(window, { withOwnValues, withChosenLanguage });
}
