// Everything here is an addition: each page works without it.
(function () {
  "use strict";

  // The viewer's time zone, for the server to write times in.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const known = document.cookie.split("; ").find((each) => each.startsWith("tz="));
  if (zone && known !== "tz=" + zone && navigator.cookieEnabled) {
    document.cookie = "tz=" + zone + "; path=/; max-age=31536000; samesite=lax";
    if (document.cookie.includes("tz=" + zone) && zone !== "UTC" && !document.querySelector("form.login")) location.reload();
  }

  // Light or dark.
  const button = document.getElementById("theme");
  if (button) {
    button.addEventListener("click", () => {
      const root = document.documentElement;
      const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      try { localStorage.setItem("theme", root.dataset.theme); } catch (error) { /* for this page only, then */ }
    });
  }

  // Choices take effect at once.
  for (const select of document.querySelectorAll("select[data-submit]")) {
    select.addEventListener("change", () => select.form.requestSubmit());
  }

  // "/" goes to the search field.
  const search = document.querySelector("input[data-slash]");
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && search && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  });

  // A whole row of a list leads where its link does.
  for (const row of document.querySelectorAll("table.list tbody tr")) {
    const link = row.querySelector("a.row");
    if (!link) continue;
    row.addEventListener("click", (event) => {
      if (!event.target.closest("a") && !String(getSelection())) link.click();
    });
  }

  // A drawing that is wider than the page begins in its middle, where the flow does.
  const drawn = document.querySelector(".graph-box");
  if (drawn) drawn.scrollLeft = (drawn.scrollWidth - drawn.clientWidth) / 2;

  // Clocks of running calls go on between news.
  function length(seconds) {
    const whole = Math.max(0, Math.floor(seconds));
    const minutes = Math.floor(whole / 60);
    const rest = String(whole % 60).padStart(2, "0");
    return minutes < 60 ? minutes + ":" + rest : Math.floor(minutes / 60) + ":" + String(minutes % 60).padStart(2, "0") + ":" + rest;
  }
  setInterval(() => {
    for (const clock of document.querySelectorAll("[data-since]")) {
      clock.textContent = length(Date.now() / 1000 - Number(clock.dataset.since));
    }
  }, 1000);

  // Live pages: the server sends the part anew whenever it changes.
  const live = document.getElementById("live");
  if (live && window.EventSource) {
    const state = document.getElementById("stream");
    const events = new EventSource(live.dataset.events);
    events.onopen = () => { state.textContent = "up to date"; };
    events.onerror = () => { state.textContent = "connection lost, trying again"; };
    events.onmessage = (event) => {
      const open = document.activeElement && document.activeElement.closest("#live a");
      const href = open && open.getAttribute("href");
      const below = innerHeight + scrollY >= document.body.offsetHeight - 60;
      live.innerHTML = event.data;
      if (href) {
        const again = live.querySelector('a[href="' + CSS.escape(href) + '"]');
        if (again) again.focus();
      }
      if (below && live.dataset.over) scrollTo(0, document.body.scrollHeight);
    };
    events.addEventListener("over", () => {
      events.close();
      state.textContent = "the call is over";
      const link = document.createElement("a");
      link.href = live.dataset.over;
      link.className = "button";
      link.textContent = "Its record";
      live.append(link);
    });
  }

  // A time of the time line moves the recording there.
  const audio = document.querySelector("audio");
  if (audio) {
    for (const at of document.querySelectorAll(".story .at")) {
      const play = () => {
        audio.currentTime = Math.max(0, Number(at.textContent) - Number(audio.dataset.from));
        audio.play();
      };
      at.classList.add("seeks");
      at.tabIndex = 0;
      at.setAttribute("role", "button");
      at.setAttribute("aria-label", "Play from " + at.textContent + " seconds");
      at.addEventListener("click", play);
      at.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        play();
      });
    }
  }
})();
