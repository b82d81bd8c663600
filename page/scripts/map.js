// A map is made larger and moved: by buttons, keys, dragging, two fingers, the wheel with Ctrl.
for (const group of document.querySelectorAll("[data-zoom]")) {
  const tools = group.querySelector(".tools");
  const svgs = () => group.querySelectorAll("div[aria-hidden] svg");
  const whole = svgs()[0].viewBox.baseVal;
  const all = { x: whole.x, y: whole.y, width: whole.width, height: whole.height };
  const CLOSEST = 6; // times larger: outlines are of whole pixels of the whole map
  let view = { ...all };

  /** Signs and hatches keep their size on the screen; lines grow less than the map. */
  const keepSizes = () => {
    const scale = view.width / all.width;
    for (const svg of svgs())
      for (const path of svg.querySelectorAll("path[stroke-width]")) {
        const at = path.getAttribute("transform")?.match(/translate\([^)]*\)/)?.[0];
        if (at) path.setAttribute("transform", `${at} scale(${scale * (path.dataset.size ?? 1)})`);
        else path.style.strokeWidth = scale < 1 ? Math.sqrt(scale) * path.getAttribute("stroke-width") : "";
      }
    for (const pattern of group.querySelectorAll("pattern"))
      pattern.setAttribute("patternTransform", `rotate(45) scale(${scale})`);
  };
  const show = () => {
    view.width = Math.min(Math.max(view.width, all.width / CLOSEST), all.width);
    view.height = (view.width * all.height) / all.width;
    view.x = Math.min(Math.max(view.x, all.x), all.x + all.width - view.width);
    view.y = Math.min(Math.max(view.y, all.y), all.y + all.height - view.height);
    for (const svg of svgs()) {
      svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.width} ${view.height}`);
      svg.style.overflow = view.width < all.width ? "hidden" : "";
      svg.style.touchAction = view.width < all.width ? "none" : "pan-x pan-y"; // two fingers are ours
    }
    keepSizes();
  };
  /** Larger by a factor, around a place given in parts of the picture. */
  const zoom = (factor, right = 0.5, down = 0.5) => {
    const width = Math.min(Math.max(view.width / factor, all.width / CLOSEST), all.width);
    const by = 1 - width / view.width;
    view.x += view.width * by * right;
    view.y += view.height * by * down;
    view.width = width;
    show();
  };
  const move = (right, down) => {
    view.x += view.width * right;
    view.y += view.height * down;
    show();
  };
  const acts = {
    "+": () => zoom(1.6), "=": () => zoom(1.6), "-": () => zoom(1 / 1.6),
    0: () => { view = { ...all }; show(); },
    ArrowLeft: () => move(-0.2, 0), ArrowRight: () => move(0.2, 0),
    ArrowUp: () => move(0, -0.2), ArrowDown: () => move(0, 0.2),
  };

  group.addEventListener("redrawn", keepSizes);
  show();

  tools.addEventListener("click", (event) => acts[event.target.dataset.by]?.());
  tools.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || !acts[event.key]) return;
    acts[event.key]();
    event.preventDefault();
  });
  const at = (event) => {
    const box = event.target.closest("svg").getBoundingClientRect();
    return [(event.clientX - box.x) / box.width, (event.clientY - box.y) / box.height];
  };
  group.addEventListener("wheel", (event) => {
    if (!event.ctrlKey || !event.target.closest("svg")) return;
    zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, ...at(event));
    event.preventDefault();
  }, { passive: false });

  const fingers = new Map();
  let hasMoved = false;
  group.addEventListener("pointerdown", (event) => {
    if (!event.target.closest("div[aria-hidden] svg")) return;
    fingers.set(event.pointerId, at(event));
    hasMoved = false;
  });
  window.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before || view.width === all.width && fingers.size < 2) return;
    if (!event.target.closest?.("div[aria-hidden] svg")) return;
    const now = at(event);
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const far = (a) => Math.hypot(a[0] - other[0], a[1] - other[1]) || 1;
      zoom(far(now) / far(before), ...other);
    } else move(before[0] - now[0], before[1] - now[1]);
    hasMoved ||= Math.hypot(before[0] - now[0], before[1] - now[1]) > 0.005;
    fingers.set(event.pointerId, now);
  });
  for (const end of ["pointerup", "pointercancel"])
    window.addEventListener(end, (event) => fingers.delete(event.pointerId));
  group.addEventListener("click", (event) => { // the end of a move is no click on a region
    if (hasMoved) event.preventDefault();
    hasMoved = false;
  }, true);
  group.addEventListener("dragstart", (event) => event.preventDefault());
}
