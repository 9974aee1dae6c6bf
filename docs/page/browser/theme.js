// @ts-check
// Runs before the page is drawn, so that the colours do not change while it loads. Redoc reads the same item.
{
  const chosen = (() => {
    try {
      return localStorage.getItem('redoc.colorMode');
    } catch {
      return null;
    }
  })();
  const isDark =
    chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.classList.add(isDark ? 'dark' : 'light');
}
