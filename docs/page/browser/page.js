// @ts-check
// The reader's own values in samples, tabs, copying, the colours and the menu.
{
  const urlPlaceholder = 'https://leads.example';
  const keyPlaceholder = 'YOUR_KEY';
  const isServed = /^https?:$/.test(location.protocol);

  /** Storage that a browser may deny. @param {'localStorage' | 'sessionStorage'} kind @param {string} name */
  const stored = (kind, name) => {
    try {
      return window[kind].getItem(name) ?? '';
    } catch {
      return '';
    }
  };
  /** @param {'localStorage' | 'sessionStorage'} kind @param {string} name @param {string} value */
  const store = (kind, name, value) => {
    try {
      window[kind].setItem(name, value);
    } catch {
      // Without storage, the value is used until the page is closed.
    }
  };

  // The reader's own values: only characters that mean the same in a string of every language.
  const values = {
    url: stored('sessionStorage', 'leads.url'),
    key: stored('sessionStorage', 'leads.key'),
  };
  const formats = { url: /^https?:\/\/[\w.:[\]/~-]+$/, key: /^[\w.~+/=-]+$/ };
  const usedUrl = () => values.url || (isServed ? location.origin : urlPlaceholder);
  const usedKey = () => values.key || keyPlaceholder;
  /** @param {string} text */
  const withValues = (text) =>
    text.replaceAll(urlPlaceholder, usedUrl()).replaceAll(keyPlaceholder, usedKey());
  const chosenLanguage = () => stored('localStorage', 'leads.language');
  /** @param {string} language */
  const storeLanguage = (language) => store('localStorage', 'leads.language', language);
  // For the reference, which Redoc draws.
  Object.assign(window, { withValues, chosenLanguage, storeLanguage });

  /** Text nodes that contain a placeholder, with their original texts. @type {Map<Text, string>} */
  const places = new Map();
  const guide = document.querySelector('.guide');
  if (guide !== null) {
    const walker = document.createTreeWalker(guide, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const text = node.nodeValue ?? '';
      if (!text.includes(urlPlaceholder) && !text.includes(keyPlaceholder)) continue;
      if (node instanceof Text && node.parentElement?.closest('code') !== null) places.set(node, text);
    }
  }
  const show = () => {
    for (const [node, text] of places) node.nodeValue = withValues(text);
  };
  show();

  for (const name of /** @type {const} */ (['url', 'key'])) {
    const input = document.getElementById(name);
    if (!(input instanceof HTMLInputElement)) continue;
    input.value = values[name];
    if (name === 'url') input.placeholder = usedUrl();
    const read = () => {
      const value = input.value.trim().replace(/\/+$/, '');
      const isValid = value === '' || formats[name].test(value);
      input.setAttribute('aria-invalid', String(!isValid));
      if (!isValid || value === values[name]) return false;
      values[name] = value;
      store('sessionStorage', `leads.${name}`, value);
      show();
      return true;
    };
    input.addEventListener('input', () => {
      if (read()) input.dataset['isChanged'] = 'true';
    });
    input.addEventListener('change', () => {
      // Redoc draws its samples once.
      if (guide === null && input.dataset['isChanged'] === 'true') location.reload();
    });
  }

  // Tabs: one choice of language for all samples.
  /** @param {string} language */
  const choose = (language) => {
    for (const tab of document.querySelectorAll('[role=tab][data-language]')) {
      if (!(tab instanceof HTMLElement)) continue;
      const isChosen = tab.dataset['language'] === language;
      tab.setAttribute('aria-selected', String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      document.getElementById(tab.getAttribute('aria-controls') ?? '')?.toggleAttribute('hidden', !isChosen);
    }
  };
  const language = chosenLanguage();
  if (document.querySelector(`[role=tab][data-language="${CSS.escape(language)}"]`) !== null)
    choose(language);
  document.addEventListener('click', (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const tab = target?.closest('[role=tab][data-language]');
    if (tab instanceof HTMLElement) {
      // The samples above change their heights, so the chosen one is kept in its place.
      const before = tab.getBoundingClientRect().top;
      choose(tab.dataset['language'] ?? '');
      storeLanguage(tab.dataset['language'] ?? '');
      scrollBy({ top: tab.getBoundingClientRect().top - before, behavior: 'instant' });
    }
    const copy = target?.closest('button.copy');
    if (copy instanceof HTMLElement) void copyFrom(copy);
  });
  document.addEventListener('keydown', (event) => {
    const tab = event.target instanceof Element ? event.target.closest('[role=tab][data-language]') : null;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!(tab instanceof HTMLElement) || step === undefined) return;
    const tabs = [...(tab.parentElement?.children ?? [])];
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    if (!(next instanceof HTMLElement)) return;
    next.click();
    next.focus();
    event.preventDefault();
  });

  /** @param {HTMLElement} button */
  const copyFrom = async (button) => {
    const source = button
      .closest('.code')
      ?.querySelector(':scope > pre, :scope > [role=tabpanel]:not([hidden]) > pre');
    const text = `${source?.textContent ?? ''}\n`;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // The clipboard needs a secure context; a selection does not.
      if (source) getSelection()?.selectAllChildren(source);
      document.execCommand('copy');
    }
    button.textContent = 'Copied';
    setTimeout(() => {
      button.textContent = 'Copy';
    }, 2_000);
  };

  document.getElementById('theme')?.addEventListener('click', () => {
    const { classList } = document.documentElement;
    const isDark = !classList.contains('dark');
    classList.toggle('dark', isDark);
    classList.toggle('light', !isDark);
    store('localStorage', 'redoc.colorMode', isDark ? 'dark' : 'light');
  });

  const menuButton = document.getElementById('menu-button');
  const menu = document.getElementById('menu');
  /** @param {boolean} isOpen */
  const openMenu = (isOpen) => {
    document.body.classList.toggle('menu-open', isOpen);
    menuButton?.setAttribute('aria-expanded', String(isOpen));
  };
  menuButton?.addEventListener('click', () => openMenu(!document.body.classList.contains('menu-open')));
  menu?.addEventListener('click', (event) => {
    if (event.target instanceof Element && event.target.closest('a') !== null) openMenu(false);
  });
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') openMenu(false);
  });

  // The menu marks the section that is being read.
  const links = [...(menu?.querySelectorAll('a') ?? [])].filter((link) =>
    link.getAttribute('href')?.startsWith('#'),
  );
  /** @param {string} hash */
  const mark = (hash) => {
    const current = links.find((link) => link.getAttribute('href') === hash);
    if (current === undefined || current.getAttribute('aria-current') === 'true') return;
    for (const link of links) link.removeAttribute('aria-current');
    current.setAttribute('aria-current', 'true');
    // Not scrollIntoView(), which would stop the page's own scrolling to a hash.
    const { offsetTop, offsetHeight } = current;
    if (menu === null) return;
    if (offsetTop < menu.scrollTop) menu.scrollTop = offsetTop - 40;
    const bottom = offsetTop + offsetHeight - menu.clientHeight;
    if (bottom > menu.scrollTop) menu.scrollTop = bottom + 40;
  };
  if (guide !== null) {
    const headings = [...guide.querySelectorAll('h2[id], h3[id]')];
    const update = () => {
      const passed = headings.filter((heading) => heading.getBoundingClientRect().top < 140);
      const known = passed.findLast(({ id }) => links.some((link) => link.getAttribute('href') === `#${id}`));
      mark(`#${(known ?? headings[0])?.id}`);
    };
    let isWaiting = false;
    addEventListener('scroll', () => {
      if (isWaiting) return;
      isWaiting = true;
      requestAnimationFrame(() => {
        isWaiting = false;
        update();
      });
    });
    update();
  } else {
    const update = () =>
      mark(location.hash.split('#', 2).join('#') || (links[0]?.getAttribute('href') ?? ''));
    addEventListener('hashchange', update);
    update();
  }

  for (const link of document.querySelectorAll('a[data-from-disk]')) {
    if (!isServed) link.setAttribute('href', link.getAttribute('data-from-disk') ?? '');
  }
}
