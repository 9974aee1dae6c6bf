// @ts-check
// The search: `/` focuses it, the arrows choose a hit, Enter opens it and Escape closes the list.
{
  const maxHits = 12;
  const input = document.getElementById('search');
  const list = document.getElementById('hits');
  const page = document.body.dataset['page'] ?? '';
  /** Title, kind, URL and text of each entry. @type {[string, string, string, string][]} */
  let entries = [];
  const load = () => {
    if (entries.length === 0)
      entries = JSON.parse(document.getElementById('search-index')?.textContent ?? '[]');
  };

  /** @param {string} word */
  const escapeWord = (word) => word.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');

  /** Returns how well a word matches a text: as a whole word, as the start of one, within one, or not at all.
   * @param {string} word @param {string} text */
  const quality = (word, text) => {
    const at = ` ${text}`.search(new RegExp(`[^\\p{L}\\p{N}]${escapeWord(word)}`, 'u'));
    if (at < 0) return word.length > 2 && text.includes(word) ? 1 : 0;
    return /[\p{L}\p{N}]/u.test(` ${text}`[at + 1 + word.length] ?? '') ? 2 : 3;
  };

  /** Returns how well an entry matches, or 0 if one of the words is missing. A title followed by its kind, such
   * as a field and its operation, matches better than the same words in another order.
   * @param {string[]} words @param {[string, string, string, string]} entry */
  const scoreOf = (words, entry) => {
    const [title, text] = [entry[0].toLowerCase(), entry[3].toLowerCase()];
    // The kind contains the status of an error, and the operation of a field or an outcome.
    const heading = ['Guide', 'Reference'].includes(entry[1]) ? title : `${title} ${entry[1].toLowerCase()}`;
    const matches = words.map((word) => quality(word, heading) * 6 + quality(word, text));
    if (matches.includes(0)) return 0;
    const phrase = words.join(' ');
    const rest = phrase.startsWith(`${title} `) ? phrase.slice(title.length + 1) : '';
    const isWithKind = rest !== '' && entry[1].toLowerCase().includes(rest);
    const whole =
      (title === phrase ? 40 : 0) +
      (isWithKind ? 10 : 0) +
      (phrase.length > 3 && text.includes(phrase) ? 4 : 0);
    const bonus = { Guide: 4, Reference: 6 }[entry[1]] ?? 0;
    return matches.reduce((sum, match) => sum + match, whole + bonus);
  };

  /** @param {string} query */
  const find = (query) => {
    // The entries contain no marks of Markdown, which some error messages contain.
    const words = query
      .toLowerCase()
      .replace(/[`*[\]|]/g, ' ')
      .split(/\s+/)
      .filter(Boolean);
    return entries
      .map((entry) => ({ entry, score: scoreOf(words, entry) }))
      .filter(({ score }) => score > 0)
      .toSorted((a, b) => b.score - a.score)
      .slice(0, maxHits);
  };

  /** The part of a text around the first word that is searched for. @param {string} text @param {string} query */
  const excerpt = (text, query) => {
    const [word = ''] = query.toLowerCase().split(/\s+/);
    const at = Math.max(0, text.toLowerCase().indexOf(word));
    const from = at < 50 ? 0 : text.indexOf(' ', at - 40) + 1;
    const part = text.slice(from, from + 120);
    return (from > 0 ? '… ' : '') + part + (from + 120 < text.length ? '…' : '');
  };

  if (input instanceof HTMLInputElement && list !== null) {
    let active = -1;
    const options = () => [...list.querySelectorAll('a')];
    const close = () => {
      list.hidden = true;
      input.setAttribute('aria-expanded', 'false');
      input.removeAttribute('aria-activedescendant');
      active = -1;
    };
    /** @param {number} index */
    const activate = (index) => {
      const all = options();
      if (all.length === 0) return;
      active = (index + all.length) % all.length;
      for (const [number, option] of all.entries())
        option.setAttribute('aria-selected', String(number === active));
      all[active]?.scrollIntoView({ block: 'nearest' });
      input.setAttribute('aria-activedescendant', all[active]?.id ?? '');
    };
    const show = () => {
      const query = input.value.trim();
      if (query === '') return close();
      load();
      const hits = find(query).map(({ entry: [title, kind, url, text] }, index) => {
        const link = document.createElement('a');
        link.id = `hit-${index}`;
        link.setAttribute('role', 'option');
        link.setAttribute('aria-selected', 'false');
        link.tabIndex = -1;
        link.href = url.startsWith(`${page}#`) ? url.slice(page.length) : url;
        for (const [tag, content] of [
          ['strong', title],
          ['span', kind],
          ['small', excerpt(text, query)],
        ]) {
          const part = document.createElement(tag ?? '');
          part.textContent = content ?? '';
          link.append(part);
        }
        return link;
      });
      list.replaceChildren(...hits);
      if (hits.length === 0) {
        const none = document.createElement('div');
        none.setAttribute('role', 'option');
        none.setAttribute('aria-disabled', 'true');
        none.setAttribute('aria-selected', 'false');
        none.textContent = `No results for “${query}”`;
        list.append(none);
      }
      list.hidden = false;
      input.setAttribute('aria-expanded', 'true');
      activate(0);
    };
    input.addEventListener('input', show);
    input.addEventListener('focus', show);
    input.addEventListener('keydown', (event) => {
      if (event.key === 'ArrowDown') activate(active + 1);
      else if (event.key === 'ArrowUp') activate(active - 1);
      else if (event.key === 'Enter') options()[active]?.click();
      else if (event.key === 'Escape') {
        input.value = '';
        close();
        input.blur();
      } else return;
      event.preventDefault();
    });
    list.addEventListener('click', (event) => {
      if (!(event.target instanceof Element) || event.target.closest('a') === null) return;
      close();
      input.blur();
    });
    document.addEventListener('click', (event) => {
      if (event.target instanceof Element && event.target.closest('.search') === null) close();
    });
    // A click on a hit leaves the focus in the field, so that the list is still there.
    list.addEventListener('mousedown', (event) => event.preventDefault());
    input.addEventListener('blur', close);
    document.addEventListener('keydown', (event) => {
      const isTyping =
        event.target instanceof Element && event.target.closest('input, textarea, select') !== null;
      if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      input.focus();
      input.select();
    });
  }
}
