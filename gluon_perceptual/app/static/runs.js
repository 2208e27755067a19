// A training, read from its folder.
import { askJson, element, find } from "./ask.js";

const EVERY = 3000; // milliseconds
let folder = "", timer = 0;

export function offer(folders) {
  find("offered").replaceChildren(...folders.map((path) => element("option", { value: path })));
  if (folders.length && !find("folder").value) find("folder").value = folders[0];
}

function chart(id, points) {
  const svg = find(id), width = 400, height = 190, edge = 8;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("preserveAspectRatio", "none");
  const known = points.filter(([, value]) => Number.isFinite(value));
  svg.replaceChildren();
  if (!known.length) return;
  const values = known.map(([, value]) => value).sort((a, b) => a - b);
  const low = values[0], high = values[Math.floor(0.99 * (values.length - 1))], first = known[0][0], last = known.at(-1)[0];
  const x = (step) => edge + ((width - 2 * edge) * (step - first)) / (last - first || 1);
  const y = (value) => height - 20 - ((height - 40) * (Math.min(value, high) - low)) / (high - low || 1);
  const draw = (name, attributes, text = "") => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    svg.append(made);
  };
  const path = known.map(([step, value], k) => `${k ? "L" : "M"}${x(step).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  draw("path", { d: known.length > 1 ? path : `${path}h1` });
  draw("text", { x: edge, y: 14 }, high.toPrecision(4));
  draw("text", { x: edge, y: height - 6 }, low.toPrecision(4));
  draw("text", { x: width - edge, y: height - 6, "text-anchor": "end" }, `step ${last.toLocaleString()}`);
}

function numbers(run) {
  const [step, loss, speed] = run.last ?? [0];
  const best = run.validation.filter((line) => line.best).at(-1);
  const shown = {
    Step: run.steps ? `${step.toLocaleString()} of ${run.steps.toLocaleString()}` : step.toLocaleString(),
    Loss: loss?.toPrecision(4),
    "Pictures per second": speed?.toFixed(2),
    "Best on held-out photos": Number.isFinite(best?.loss) && `${best.loss.toPrecision(4)} (step ${best.step.toLocaleString()})`,
  };
  const rows = Object.entries(shown).filter(([, value]) => value);
  find("run-numbers").replaceChildren(...rows.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
  find("run-progress").hidden = !run.steps;
  find("run-progress").value = run.steps ? step / run.steps : 0;
}

function previews(run) {
  const box = find("run-previews");
  const shown = run.previews.slice(-6).reverse();
  const before = [...box.children].map((image) => image.alt).join();
  if (before === shown.join()) return;
  const address = (name) => `/api/runs/preview?folder=${encodeURIComponent(run.folder)}&name=${encodeURIComponent(name)}`;
  box.replaceChildren(...shown.map((name) => element("img", { src: address(name), alt: name, title: name, loading: "lazy" })));
}

async function refresh() {
  clearTimeout(timer);
  try {
    const run = await askJson(`/api/runs?folder=${encodeURIComponent(folder)}`);
    find("run-error").hidden = true;
    find("run").hidden = false;
    find("run-name").textContent = run.folder;
    find("run-about").textContent = Object.entries(run.about).map(([name, value]) => `${name} ${value}`).join(", ");
    numbers(run);
    chart("chart-loss", run.log.map(([step, loss]) => [step, loss]));
    chart("chart-speed", run.log.map(([step, , speed]) => [step, speed]));
    chart("chart-validation", run.validation.map((line) => [line.step, line.loss]));
    previews(run);
  } catch (error) {
    find("run").hidden = true;
    find("run-error").hidden = false;
    find("run-error").textContent = error.message;
  }
  if (!find("training").hidden && !find("run").hidden) timer = setTimeout(refresh, EVERY);
}

find("run-form").addEventListener("submit", (event) => {
  event.preventDefault();
  folder = find("folder").value.trim();
  refresh();
});
find("tab-training").addEventListener("click", () => folder && refresh());
