// Searches while one types, and says where it would run. Without it the form works all the same.
(() => {
  const part = document.getElementById("mesh-start");
  const field = name => part.querySelector(`[name="mesh_${name}"]:not([type="radio"])`);
  const project = field("project");
  const link = field("link");
  const best = document.getElementById("mesh-best-reason");

  const ask = async (what, query) => {
    const reply = await fetch(`${part.dataset.api}/${what}?${new URLSearchParams(query)}`, {
      headers: { "X-XSRFToken": window.jhdata?.xsrf_token ?? "" },
      signal: AbortSignal.timeout(10000)
    });
    return reply.ok ? reply.json() : null;
  };

  // The answer to what was typed last is the one that counts.
  const later = work => {
    let waiting, turn = 0;
    return () => {
      clearTimeout(waiting);
      waiting = setTimeout(async () => {
        const mine = ++turn;
        const show = await work().catch(() => null);
        if (show && mine === turn) {
          show();
        }
      }, 200);
    };
  };

  const search = later(async () => {
    const found = await ask("places", { q: project.value });
    return found && (() => {
      const options = found.places.map(place => {
        const option = document.createElement("option");
        option.value = place.value;
        option.textContent = place.kind;
        return option;
      });
      document.getElementById("mesh-places").replaceChildren(...options);
    });
  });

  const place = later(async () => {
    const what = part.querySelector('[name="mesh_what"]:checked').value;
    const query = { what, project: project.value, link: link.value };
    const found = best && (await ask("placements", query));
    return found && (() => {
      const [first] = found.placements;
      const title = [first.title, first.has].filter(Boolean).join(" · ");
      best.textContent = `${title}. ${found.problem || first.reason}`;
      for (const each of found.placements) {
        const reason = [...part.querySelectorAll("[data-mesh-placement]")].find(
          one => one.dataset.meshPlacement === each.name
        );
        if (reason) {
          reason.textContent = each.reason;
        }
      }
    });
  });

  if (project) {
    for (const [text, id] of [[project, "mesh-project"], [link, "mesh-link"]]) {
      text.addEventListener("input", () => {
        document.getElementById(id).checked = true;
        place();
      });
    }
    project.addEventListener("input", search);
    for (const radio of part.querySelectorAll('[name="mesh_what"]')) {
      radio.addEventListener("change", place);
    }
  }
})();
