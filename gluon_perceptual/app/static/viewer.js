// Two pictures of the same scene, side by side or divided by a slider; they zoom and pan together.
import { find } from "./ask.js";

const stage = find("stage"), handle = find("handle");
const sides = ["left", "right"].map((name) => ({ pane: find(`pane-${name}`), image: find(`pane-${name}`).firstElementChild, tag: find(`tag-${name}`) }));
const view = { x: 0, y: 0, zoom: 1, split: 0.5, two: false, width: 1, height: 1, fits: true };
const touches = new Map();
const dots = () => window.devicePixelRatio || 1;
const paneWidth = () => (view.two ? stage.clientWidth / 2 : stage.clientWidth);

export function show(side, address, title) {
  const { image, tag } = sides[side];
  tag.textContent = title;
  if (image.getAttribute("src") === address) return draw();
  image.onload = () => {
    const largest = sides.map((each) => each.image).reduce((a, b) => (b.naturalWidth > a.naturalWidth ? b : a));
    const before = view.width;
    view.width = largest.naturalWidth || 1;
    view.height = largest.naturalHeight || 1;
    if (view.fits) fit();
    else view.zoom *= before / view.width;
    draw();
  };
  image.src = address;
}

export function fit() {
  view.fits = true;
  if (!stage.clientWidth) return; // it is hidden
  view.zoom = Math.min(paneWidth() / view.width, stage.clientHeight / view.height, 8);
  view.x = (paneWidth() - view.width * view.zoom) / 2;
  view.y = (stage.clientHeight - view.height * view.zoom) / 2;
  draw();
}

export function sideBySide(two) {
  view.two = two;
  stage.classList.toggle("two", two);
  fit();
}

// The square in the middle of the view, in pixels of a picture of this width.
export function middle(width, side) {
  const scale = width / view.width;
  const [x, y] = [paneWidth() / 2 - view.x, stage.clientHeight / 2 - view.y].map((at) => (at / view.zoom) * scale);
  return { x: Math.max(0, Math.round(x - side / 2)), y: Math.max(0, Math.round(y - side / 2)), side };
}

function draw() {
  for (const { image } of sides) {
    const zoom = (view.zoom * view.width) / (image.naturalWidth || 1);
    image.style.transform = `translate(${view.x}px, ${view.y}px) scale(${zoom})`;
    image.classList.toggle("pixels", zoom * dots() >= 3 && image.naturalWidth === view.width);
  }
  const percent = Math.round(100 * view.split);
  sides[1].pane.style.clipPath = view.two ? "" : `inset(0 0 0 ${percent}%)`;
  sides[0].pane.style.clipPath = view.two ? "" : `inset(0 ${100 - percent}% 0 0)`;
  handle.style.left = `${percent}%`;
  handle.setAttribute("aria-valuenow", percent);
  handle.setAttribute("aria-valuetext", `${percent} % before`);
  find("zoom").textContent = `${Math.round(100 * view.zoom * dots())} %`;
}

function zoomBy(factor, x = paneWidth() / 2, y = stage.clientHeight / 2) {
  const zoom = Math.min(Math.max(view.zoom * factor, 0.02), 32);
  view.x = x - ((x - view.x) * zoom) / view.zoom;
  view.y = y - ((y - view.y) * zoom) / view.zoom;
  view.zoom = zoom;
  view.fits = false;
  draw();
}

function pan(x, y) {
  view.x += x;
  view.y += y;
  view.fits = false;
  draw();
}

const oneToOne = () => zoomBy(1 / dots() / view.zoom);

function place(event) {
  const box = stage.getBoundingClientRect();
  const x = event.clientX - box.left;
  return { x: view.two && x > box.width / 2 ? x - box.width / 2 : x, y: event.clientY - box.top, whole: x / box.width };
}

function split(share) {
  view.split = Math.min(Math.max(share, 0), 1);
  draw();
}

stage.addEventListener("pointerdown", (event) => {
  stage.setPointerCapture(event.pointerId);
  touches.set(event.pointerId, { ...place(event), slides: handle.contains(event.target) });
  stage.classList.add("moving");
});
stage.addEventListener("pointermove", (event) => {
  const before = touches.get(event.pointerId);
  if (!before) return;
  const now = { ...place(event), slides: before.slides };
  const other = [...touches].find(([id]) => id !== event.pointerId)?.[1];
  if (now.slides) split(now.whole);
  else if (other) {
    const apart = (a) => Math.hypot(a.x - other.x, a.y - other.y) || 1;
    pan((now.x - before.x) / 2, (now.y - before.y) / 2);
    zoomBy(apart(now) / apart(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
  } else pan(now.x - before.x, now.y - before.y);
  touches.set(event.pointerId, now);
});
for (const name of ["pointerup", "pointercancel"]) {
  stage.addEventListener(name, (event) => {
    touches.delete(event.pointerId);
    stage.classList.toggle("moving", touches.size > 0);
  });
}
stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  const at = place(event);
  zoomBy(Math.exp(-event.deltaY / 400), at.x, at.y);
}, { passive: false });
stage.addEventListener("dblclick", () => (view.fits ? oneToOne() : fit()));

handle.addEventListener("keydown", (event) => {
  const steps = { ArrowLeft: -0.02, ArrowRight: 0.02, ArrowDown: -0.02, ArrowUp: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 };
  if (!(event.key in steps)) return;
  event.preventDefault();
  event.stopPropagation();
  split(view.split + steps[event.key]);
});
stage.addEventListener("keydown", (event) => {
  const moves = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
  const acts = { "+": () => zoomBy(1.25), "=": () => zoomBy(1.25), "-": () => zoomBy(0.8), 0: fit, 1: oneToOne };
  if (event.ctrlKey || event.metaKey || !(event.key in moves || event.key in acts)) return;
  event.preventDefault();
  if (event.key in moves) pan(...moves[event.key]);
  else acts[event.key]();
});
document.querySelectorAll("[data-zoom]").forEach((button) => {
  const acts = { in: () => zoomBy(1.25), out: () => zoomBy(0.8), fit, one: oneToOne };
  button.addEventListener("click", acts[button.dataset.zoom]);
});
new ResizeObserver(() => (view.fits ? fit() : draw())).observe(stage);
