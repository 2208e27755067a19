// Pictures: their settings, their list, and the one that is shown.
import { ask, askJson, complain, element, find, say } from "./ask.js";
import { offer } from "./runs.js";
import { fit, middle, show, sideBySide } from "./viewer.js";

const AT_ONCE = 3; // uploads
const form = find("settings");
const pictures = new Map(), jobs = new Map(), rows = new Map();
let about = { models: {} }, version = 0, opened = "", local = 0;

const active = (job) => job.state === "waiting" || job.state === "working";
const named = (settings) => settings.model ?? "automatic model";
const measures = { scale: (n) => `×${n}`, width: (n) => `${n} wide`, height: (n) => `${n} high`, megapixels: (n) => `${n} MP` };
const measured = (settings) => Object.keys(measures).filter((name) => settings[name]).map((name) => measures[name](settings[name]));
const title = (settings) => (settings.kind === "stylize" ? settings.model : `${measured(settings)}, ${named(settings)}`);

// --- settings

function settings() {
  const data = new FormData(form), kind = data.get("kind");
  const common = { kind, precision: data.get("precision"), tile: Number(data.get("tile")) || "auto",
    suffix: data.get("suffix") || null, quality: Number(data.get("quality")) || null, crf: data.get("crf") ? Number(data.get("crf")) : null };
  if (kind === "stylize") {
    return { ...common, model: data.get("model"), strength: Number(data.get("strength")), temporal: data.has("temporal"), preserve_color: data.get("preserve_color") || null };
  }
  const [measure, size] = data.get("scale") === "other" ? [data.get("measure"), Number(data.get("size"))] : ["scale", Number(data.get("scale"))];
  return { ...common, [measure]: size, model: data.get("model") || null,
    self_ensemble: data.has("self_ensemble"), match_histogram: data.get("match_histogram") || null };
}

function card(name, model, checked) {
  const psnr = model.scale > 1 && model.scores?.Set5?.psnr;  // what keeps the size has nothing to do there
  const score = psnr ? ` ${psnr.toFixed(2)} dB on Set5.` : "";
  const picture = model.example
    ? element("img", { src: `/static/examples/${model.example === true ? name : model.example}.jpg`, alt: "", loading: "lazy" })
    : element("span", { className: "none" }, name ? "◪" : "✦");
  const input = element("input", { type: "radio", name: "model", value: name, checked });
  const words = model.what.charAt(0).toUpperCase() + model.what.slice(1);
  return element("label", { className: "card" }, input, picture,
    element("span", {}, element("b", {}, name || "Automatic"), element("small", {}, `${words}.${score}`)));
}

function showModels() {
  const data = new FormData(form), kind = data.get("kind"), other = data.get("scale") === "other";
  const scale = Object.keys(about.defaults).map(Number).find((times) => times >= Number(data.get("scale"))) ?? 2;
  document.querySelectorAll("[data-kind]").forEach((part) => (part.hidden = part.dataset.kind !== kind));
  const wanted = kind === "stylize" ? "style" : "super-resolution";
  const fitting = Object.entries(about.models).filter(([, model]) => model.kind === wanted && (kind === "stylize" || (other ? model.scale > 1 : model.scale === scale))).sort();
  find("other").hidden = find("size").disabled = kind === "stylize" || !other;
  const name = about.defaults[scale], web = about.web[scale] ? `, or ${about.web[scale]} for strongly compressed JPEG files` : "";
  const reduced = other ? "Uses the next larger model, and reduces its result to this size" : "";
  const restored = scale === 1 ? `Uses ${name}, which removes JPEG's blocks and noise` : "";
  const usual = kind === "upscale" ? [["", { what: reduced || restored || `Uses ${name}${web}`, example: name }]] : [];
  find("cards").replaceChildren(...[...usual, ...fitting].map(([name, model], k) => card(name, model, k === 0)));
}

function bound(field, name) {
  const [min, max, step] = about.numbers[name];
  Object.assign(field, { min, max, step });
}

// Whether the settings are valid; the browser shows what is not.
function fits() {
  form.querySelector("details").open ||= form.querySelector("details :invalid") !== null;
  return form.reportValidity();
}

form.addEventListener("change", (event) => ["kind", "scale"].includes(event.target.name) && showModels());
find("measure").addEventListener("change", () => bound(find("size"), find("measure").value));
form.addEventListener("input", () => (find("strength-shown").textContent = `${Math.round(100 * form.elements.strength.value)} %`));
form.addEventListener("submit", (event) => event.preventDefault());

// --- uploads

const queue = [];
let uploading = 0;

function take(files) {
  complain("");
  if (!fits()) return;
  for (const file of files) queue.push({ file, key: `local-${local++}`, wanted: settings() });
  for (const item of queue) row(item.key, item.file.name, "waiting", "waiting for upload");
  while (uploading < AT_ONCE && queue.length) upload();
}

async function upload() {
  const { file, key, wanted } = queue.shift();
  uploading += 1;
  row(key, file.name, "working", "uploading");
  try {
    const picture = await askJson(`/api/pictures?name=${encodeURIComponent(file.name)}`, "POST", file);
    pictures.set(picture.id, picture);
    await submit(picture.id, wanted);
    drop(key);
    if (!opened) open(picture.id);
  } catch (error) {
    row(key, file.name, "failed", error.message);
    say(error.message);
  }
  uploading -= 1;
  if (queue.length) upload();
  refresh();
}

async function submit(picture, wanted) {
  accept(await askJson("/api/jobs", "POST", { picture, settings: wanted }));
}

const dropZone = find("drop");
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    dropZone.classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => event.relatedTarget || dropZone.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  dropZone.classList.remove("over");
  take([...event.dataTransfer.files]);
});
document.addEventListener("paste", (event) => event.clipboardData.files.length && take([...event.clipboardData.files]));
find("file").addEventListener("change", (event) => {
  take([...event.target.files]);
  event.target.value = "";
});

// --- the list

function row(key, name, state, text, more = {}) {
  let line = rows.get(key);
  if (!line) {
    line = element("li", {}, element("button", { type: "button", className: "thumb", "aria-label": `Look at ${name}` }),
      element("div", {}, element("div", { className: "name" }, name), element("progress", { max: 1, "aria-label": `Progress of ${name}` }), element("div", { className: "state" })),
      element("div", { className: "does" }));
    rows.set(key, line);
    find("jobs").prepend(line);
  }
  const [thumb, middlePart, does] = line.children, [, bar, stateText] = middlePart.children;
  line.className = `job ${state}${more.picture && more.picture === opened ? " open" : ""}`;
  line.dataset.key = key;
  stateText.textContent = text;
  bar.hidden = state !== "working";
  if (more.share === undefined) bar.removeAttribute("value");
  else bar.value = more.share;
  if (more.picture && !thumb.firstChild) {
    thumb.append(element("img", { src: `/api/pictures/${more.picture}/thumb`, alt: "", loading: "lazy" }));
    thumb.onclick = () => open(more.picture, key);
  }
  if (line.dataset.state !== state) {
    const held = does.contains(document.activeElement);
    does.replaceChildren(...buttons(key, name, state));
    if (held) does.firstChild?.focus();
  }
  line.dataset.state = state;
  find("list").hidden = false;
}

function buttons(key, name, state) {
  const button = (text, act) => element("button", { type: "button", onclick: act, "aria-label": `${text} ${name}` }, text);
  const gone = () => (jobs.has(key) ? ask(`/api/jobs/${key}`, "DELETE").then(refresh, (error) => complain(error.message)) : drop(key));
  if (key.startsWith("local")) return state === "failed" ? [button("Remove", gone)] : [];
  if (state === "waiting" || state === "working") return [button("Cancel", () => ask(`/api/jobs/${key}/cancel`, "POST").then(refresh))];
  const save = element("a", { className: "button main", href: `/api/jobs/${key}/result`, download: "", "aria-label": `Download ${name}` }, "Download");
  return state === "done" ? [save, button("Remove", gone)] : [button("Remove", gone)];
}

// Move the focus away from an element that is about to be removed.
function leave(part) {
  if (part?.contains(document.activeElement)) find("file").focus();
}

function drop(key) {
  leave(rows.get(key));
  rows.get(key)?.remove();
  rows.delete(key);
  const isLookedAt = opened && jobs.get(key)?.picture.id === opened;
  jobs.delete(key);
  if (isLookedAt) open(opened);
  find("list").hidden = rows.size === 0;
}

function time(seconds) {
  return seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.round(seconds / 60)} min`;
}

function words(job) {
  const size = job.bytes > 1e6 ? `${(job.bytes / 1e6).toFixed(1)} MB` : `${Math.ceil(job.bytes / 1e3)} kB`;
  const notes = job.notes.map((note) => ` · ${note}`).join("");
  if (job.state === "working") {
    const left = job.share > 0.02 ? ` · ${time((job.seconds * (1 - job.share)) / job.share)} left` : "";
    return `${title(job.settings)} · ${Math.round(100 * job.share)} %${left}`;
  }
  if (job.state === "done") return `${title(job.settings)} · done in ${time(job.seconds)} · ${size}${notes}`;
  return { waiting: `${title(job.settings)} · waiting`, canceled: `${title(job.settings)} · canceled` }[job.state] ?? job.error;
}

function accept(job) {
  const before = jobs.get(job.id);
  if (before && before.version > job.version) return;
  jobs.set(job.id, job);
  pictures.set(job.picture.id, job.picture);
  row(job.id, job.name, job.state, words(job), { picture: job.picture.id, share: job.state === "working" ? job.share : undefined });
  if (before && before.state !== job.state && !active(job)) {
    say(job.state === "failed" ? job.error : `${job.name}: ${job.state}`);
    if (job.picture.id === opened) open(opened, job.state === "done" ? job.id : undefined);
  }
}

let asking = null;
function refresh() {
  asking ??= poll().finally(() => (asking = null));
  return asking;
}

async function poll() {
  try {
    const told = await askJson(`/api/jobs?since=${version}`);
    version = told.version;
    told.jobs.forEach(accept);
    told.gone.forEach(drop);
    const states = [...jobs.values()], done = states.filter((job) => job.state === "done"), busy = states.filter(active);
    find("counts").textContent = `${done.length} done${busy.length ? `, ${busy.length} in progress` : ""}`;
    find("cancel-all").hidden = !busy.length;
    find("zip").hidden = !done.length;
    find("zip").href = `/api/results.zip?ids=${done.map((job) => job.id).join()}`;
    dropZone.classList.toggle("first", rows.size === 0);
    if (find("alert").dataset.lost) complain("");
    delete find("alert").dataset.lost;
  } catch (error) {
    find("alert").dataset.lost = "yes";
    complain(error.message);
  }
}

async function watch() {
  await refresh();
  const busy = [...jobs.values()].some(active);
  setTimeout(watch, document.hidden ? 3000 : busy ? 300 : 1500);
}

find("cancel-all").onclick = () => Promise.allSettled([...jobs.values()].filter(active).map((job) => ask(`/api/jobs/${job.id}/cancel`, "POST"))).then(refresh);
find("clear").onclick = async () => {
  [...rows.keys()].filter((key) => key.startsWith("local") && rows.get(key).dataset.state === "failed").forEach(drop);
  try {
    const left = (await askJson("/api/jobs", "DELETE")).pictures;
    if (opened && !left.includes(opened)) close();
  } catch (error) {
    complain(error.message);
  }
  refresh();
};

// --- the picture that is shown

const resultsOf = (picture) => [...jobs.values()].filter((job) => job.picture.id === picture && job.state === "done");

function open(picture, jobKey) {
  const isNew = picture !== opened, results = resultsOf(picture);
  opened = picture;
  find("viewer").hidden = false;
  const options = () => [element("option", { value: "" }, "Original"), ...results.map((job) => element("option", { value: job.id }, title(job.settings)))];
  const kept = isNew ? ["", ""] : [find("left").value, find("right").value];
  find("left").replaceChildren(...options());
  find("right").replaceChildren(...options());
  find("left").value = results.some((job) => job.id === kept[0]) ? kept[0] : "";
  find("right").value = [jobKey, kept[1], results.at(-1)?.id].find((key) => results.some((job) => job.id === key)) ?? "";
  if (isNew) find("strip").hidden = true;
  find("play").hidden = !pictures.get(picture)?.video;
  if (isNew) play(false);
  rows.forEach((line, key) => line.classList.toggle("open", jobs.get(key)?.picture.id === picture));
  compareChosen();
  if (isNew) fit();
}

function close() {
  opened = "";
  play(false);
  leave(find("viewer"));
  find("viewer").hidden = true;
}

function compareChosen() {
  ["left", "right"].forEach((name, side) => {
    const job = jobs.get(find(name).value);
    show(side, job ? `/api/jobs/${job.id}/view` : `/api/pictures/${opened}/view`, job ? title(job.settings) : "Original");
  });
  const right = jobs.get(find("right").value);
  find("save").hidden = !right;
  if (right) {
    find("save").href = `/api/jobs/${right.id}/result`;
    find("save").download = right.name;
  }
  if (isPlaying()) play(true);
}

// A video plays in place of the pictures, which are its first frame and its result's.
const film = find("film"), isPlaying = () => find("play").getAttribute("aria-pressed") === "true";
function play(wanted) {
  find("play").setAttribute("aria-pressed", wanted);
  find("stage").hidden = wanted;
  film.hidden = !wanted;
  const job = jobs.get(find("right").value);
  const address = job ? `/api/jobs/${job.id}/film` : `/api/pictures/${opened}/film`;
  if (wanted && film.getAttribute("src") === address) return;
  if (wanted) film.src = address;
  else film.removeAttribute("src");
  film.load();
  if (wanted) film.play().catch(() => {}); // browsers may refuse to start it automatically
}
find("play").onclick = () => play(!isPlaying());
film.onerror = () => {
  if (!film.getAttribute("src")) return;
  play(false);
  complain("This browser cannot play this kind of video: download it");
};

find("left").onchange = find("right").onchange = compareChosen;
find("split").onclick = () => {
  const two = find("split").getAttribute("aria-pressed") !== "true";
  find("split").setAttribute("aria-pressed", two);
  sideBySide(two);
};
find("again").onclick = () => fits() && submit(opened, settings()).then(refresh, (error) => complain(error.message));
find("forget").onclick = async () => {
  const picture = opened;
  close();
  await ask(`/api/pictures/${picture}`, "DELETE").catch((error) => complain(error.message));
  pictures.delete(picture);
  refresh();
};

// --- several models on a part of it

async function compare() {
  if (!fits()) return;
  const now = settings(), picture = pictures.get(opened), strip = find("strip");
  const square = middle(picture.width, now.kind === "stylize" ? 384 : 128);
  const inputs = [...find("cards").querySelectorAll("input")].filter((input) => input.value);
  strip.hidden = false;
  const boxes = inputs.map((input) => {
    const shown = element("span", { className: "shown" }, "…");
    const button = element("button", { type: "button", title: "Use this model" }, shown, input.value);
    button.onclick = () => {
      input.checked = true;
      say(`${input.value} is selected`);
    };
    return { input, shown, button };
  });
  strip.replaceChildren(...boxes.map((box) => box.button));
  for (const { input, shown } of boxes) { // one at a time, since a browser has few connections
    try {
      const answer = await ask("/api/previews", "POST", { picture: picture.id, settings: { ...now, model: input.value, tile: "auto" }, ...square });
      const address = URL.createObjectURL(await answer.blob());
      shown.replaceChildren(element("img", { src: address, alt: `${input.value} on this part`, onload: () => URL.revokeObjectURL(address) }));
    } catch (error) {
      shown.textContent = error.message;
    }
    if (!shown.isConnected) return; // another comparison has started
  }
}
find("compare").onclick = compare;

// --- tabs

const tabs = [find("tab-pictures"), find("tab-training")];
function choose(tab) {
  for (const each of tabs) {
    each.setAttribute("aria-selected", each === tab);
    each.tabIndex = each === tab ? 0 : -1;
    find(each.getAttribute("aria-controls")).hidden = each !== tab;
  }
}
tabs.forEach((tab, k) => {
  tab.addEventListener("click", () => choose(tab));
  tab.addEventListener("keydown", (event) => {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    tabs[1 - k].focus();
    tabs[1 - k].click();
  });
});

// --- start

async function begin() {
  try {
    about = await askJson("/api/about");
  } catch (error) {
    return complain(error.message);
  }
  for (const scale of ["1", "2", "3", "4", "8", "other"]) {
    const input = element("input", { type: "radio", name: "scale", value: scale, defaultChecked: scale === "2" });
    find("scales").append(element("label", {}, input, element("span", {}, scale === "other" ? "Other" : `×${scale}`)));
  }
  form.elements.match_histogram.append(...about.spaces.map((space) => element("option", { value: space }, space)));
  form.elements.suffix.append(...about.suffixes.map((suffix) => element("option", { value: suffix }, suffix.slice(1).toUpperCase())));
  Object.keys(about.numbers).map((name) => form.elements[name]).filter((field) => field?.type === "number").forEach((field) => bound(field, field.name));
  bound(find("size"), find("measure").value);
  offer(about.runs);
  showModels();
  watch();
}
begin();
