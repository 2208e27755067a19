// Requests to the server, and building elements.

export const find = (id) => document.getElementById(id);

export async function ask(path, method = "GET", body = undefined) {
  const isFile = body instanceof Blob;
  const headers = body && !isFile ? { "Content-Type": "application/json" } : {};
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body && !isFile ? JSON.stringify(body) : body });
  } catch {
    throw new Error("the program does not respond: is it still running?");
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({ error: `the program answered ${answer.status}` }));
  throw Object.assign(new Error(said.error), { status: answer.status });
}

export const askJson = async (...request) => (await ask(...request)).json();

export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role") made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function say(text) {
  find("said").textContent = text;
}

export function complain(text) {
  find("alert").textContent = text;
  find("alert").hidden = !text;
}
