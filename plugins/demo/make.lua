-- Making records once. A stage goes in batches, each of which commits as one together with how far it came: after a crash it goes on
-- with the next batch, and what people changed or deleted since is left alone.
local BATCH <const> = 50

local M = { PREFIX = "demo:" }

--- The id of what was made under this key; nil when it was not made, or is gone.
function M.find(object, key)
  local found = px.store.first(object, { filter = { external_id = M.PREFIX .. key }, fields = { "id" } })
  return found and found.id
end

--- Makes a record under a key; its id.
function M.create(object, key, fields)
  fields.external_id = M.PREFIX .. key
  return px.store.create(object, fields, { duplicates = "allow" }).id
end

--- key → id of all that was made of this type.
function M.ids(object)
  local ids = {}
  for record in px.store.each(object, { filter = { external_id = { "prefix", M.PREFIX } }, fields = { "id", "external_id" }, limit = 1000 }) do
    ids[string.sub(record.external_id, #M.PREFIX + 1)] = record.id
  end
  return ids
end

--- one(i) for each i up to count, in batches that were not made before.
function M.stage(name, count, one)
  local key = "stage:" .. name
  for from = 1, count, BATCH do
    if (px.store.kv.get(key) or 0) < from then
      px.store.tx(function()
        for i = from, math.min(count, from + BATCH - 1) do
          one(i)
        end
        px.store.kv.set(key, from)
      end)
    end
  end
end

return M
