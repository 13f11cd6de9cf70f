// Runs before the page is painted: keeps the chosen palette (system, night) without a flash.
(() => {
  try {
    const theme = localStorage.getItem("too-theme");
    if (theme) document.documentElement.classList.add(theme);
  } catch { /* storage may be refused: the system's palette is used */ }
})();
