// @ts-check
// Prepares Redoc: it draws every operation at once, so that the browser's own search and printing find all of them, and
// shows the reader's own values.
{
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

  // Redoc leaves out a level of headings below an operation.
  new MutationObserver(() => {
    for (const heading of document.querySelectorAll('#redoc :is(h4, h5, h6):not([aria-level])')) {
      heading.setAttribute('role', 'heading');
      heading.setAttribute('aria-level', String(Number(heading.tagName.slice(1)) - 1));
    }
  }).observe(document.getElementById('redoc') ?? document.body, { childList: true, subtree: true });

  /** Puts the reader's own values into the samples of a contract. @param {any} definition */
  const withOwnValues = (definition) => {
    const { withValues } = /** @type {{ withValues: (text: string) => string }} */ (
      /** @type {unknown} */ (window)
    );
    const contract = definition.definition ?? definition;
    contract.servers = [{ url: withValues('https://leads.example') }];
    for (const { post } of Object.values(contract.paths)) {
      for (const sample of post['x-codeSamples']) sample.source = withValues(sample.source);
    }
    return definition;
  };
  Object.assign(window, { withOwnValues });
}
