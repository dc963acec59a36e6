// Hostile Lua scripts for tests from outside: where they are, a plugin of each, and what they may give away.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { dataFolder, root } from "./service.mjs";

export const RUN_MS = 40; // the budget that every script here runs with

// What no script may get: a word in the environment, in a file, in the neighbour's keys, settings and secrets.
export const SECRET = "the-word-that-nobody-says";

// Names that a sandbox has, safe ones of its own; asking for their type is no escape.
const HARMLESS = /^return type\((_G|_ENV|coroutine|collectgarbage|rawset|rawget|getmetatable|setmetatable|require|load)\)$/;

function read(folder, kind) {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".lua"))
    .sort()
    .map((file) => {
      const source = readFileSync(path.join(folder, file), "utf8");
      const name = file.replace(/\.lua$/, "");
      const category = name.replace(/^\d+-/, "").split("-")[0];
      return { name: `${kind}/${name}`, category, source, telling: ["env", "bytecode"].includes(category) && !HARMLESS.test(source.trim()) };
    });
}

// [{ name, scripts }]: ours always, the corpus of the test data where it is there.
export function corpora() {
  const sets = [
    { name: "ours", scripts: [...read(path.join(root, "tests/fixtures/lua"), "lua"), ...read(path.join(root, "tests/fixtures/lua_px"), "px")] },
  ];
  const folder = dataFolder && path.join(dataFolder, "adversarial/lua");
  if (folder && existsSync(folder)) sets.push({ name: "corpus", scripts: read(folder, "corpus") });
  return sets;
}

// The script as a function, and what it gives as one text: nothing for nil and false.
export const wrapped = (source) => `local type <const>, tostring <const>, select <const> = type, tostring, select
local function told(...)
  local text = ""
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    if value ~= nil and value ~= false and i < 6 then
      text = text .. type(value) .. ":" .. tostring(value) .. " "
    end
  end
  return text
end
local function hostile(...)
${source}
end
`;

const main = (name, source) => `${wrapped(source)}
local error <const>, px <const> = error, px
px.on("${name}_bait.created", { name = "event", retry = { times = 1, first = "10ms" } }, function(event)
  if event.after.name == "event" then
    local text = told(hostile(event))
    if text ~= "" then error("TOLD " .. text) end
  end
end)
px.before("${name}_bait.create", function(drafts)
  if drafts[1].name == "before" then
    local text = told(hostile(drafts))
    if text ~= "" then px.refuse("name", "TOLD " .. text) end
  end
end)
px.schedule("night", "0 3 1 1 *", { retry = { times = 1, first = "10ms" } }, function(at)
  local text = told(hostile(at))
  if text ~= "" then error("TOLD " .. text) end
end)
px.route("GET", "/go", function(request)
  return { text = "TOLD " .. told(hostile(request)) }
end)
`;

const write = (folder, files) => {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
};

// A folder of plugins, one for each script, and the neighbour, who answers letters and has something to hide.
export function writePlugins(folder, scripts) {
  scripts.forEach((script, index) => {
    const name = `h${String(index).padStart(3, "0")}`;
    script.plugin = name;
    write(path.join(folder, name), {
      "plugin.lua": `return { name = "${name}", version = "1.0.0", api = 1, default = true, label = { en = "${name}", el = "${name}" },
  can = { read = { "${name}_bait" }, write = { "${name}_bait" }, emit = { "${name}.*" }, http = true, schedule = true },
  limits = { memory = "32MB", run_ms = ${RUN_MS} } }\n`,
      "schema.lua": `return { objects = { ${name}_bait = { label = { en = "Bait", el = "Δόλωμα" }, title = "name",
  fields = { { "name", "text", required = true, max = 100, label = { en = "Name", el = "Όνομα" } } } } } }\n`,
      "main.lua": main(name, script.source),
    });
  });
  write(path.join(folder, "calm"), {
    "plugin.lua": `return { name = "calm", version = "1.0.0", api = 1, default = true, label = { en = "Calm", el = "Ήρεμο" },
  can = { read = { "letter" }, write = { "letter", "answer" }, secrets = { "calm_key" } },
  config = { { "calm_word", "text", default = "${SECRET}", label = { en = "Word", el = "Λέξη" } } } }\n`,
    "schema.lua": `return { objects = {
  letter = { label = { en = "Letter", el = "Γράμμα" }, title = "name", fields = { { "name", "text", required = true, max = 100, label = { en = "Name", el = "Όνομα" } } } },
  answer = { label = { en = "Answer", el = "Απάντηση" }, title = "name", fields = { { "name", "text", required = true, max = 100, label = { en = "Name", el = "Όνομα" } } } } } }\n`,
    "main.lua": `px.on("letter.created", { name = "answers" }, function(event)
  px.store.kv.set("secret", px.config.get("calm_word"))
  px.store.create("answer", { name = event.after.name })
end)
px.export { tell = function() return px.config.get("calm_word") end }\n`,
  });
}

// Whether the text holds something that only an escape could have brought.
export const leaks = (text) => new RegExp(`root:[x*]|uid=\\d|\\b0x[0-9a-f]{6}|${SECRET}`).test(text);

// What an env or bytecode script may give: that a name is not there, or where an error was.
export const harmless = (script, told) =>
  !script.telling || told === "" || told === "string:nil" || /^string:(input|[a-z_0-9]+\.lua):\d+:/.test(told) || /^table:table:? ?\d*$/.test(told);
