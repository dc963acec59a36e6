-- When a party was last spoken with, by whom and how. Notes and talk among ourselves are no contact; what is unknown has no row.
local M = {}

M.FIELDS = { organisation = "organisations", person = "people" }

local function counts(interaction)
  return interaction.status == "held" and interaction.kind ~= "note" and interaction.direction ~= "internal"
end

local function newest(object, id)
  return px.store.first("interaction", {
    filter = {
      [M.FIELDS[object]] = { "has", id },
      status = "held",
      kind = { "ne", "note" },
      direction = { "ne", "internal" },
    },
    order = "-at",
  })
end

-- The row belongs to who owns the party, so that who may see the one may see the other.
local function keep(object, id, interaction)
  local party = px.store.get(object, id)
  if not party then
    return
  end
  px.store.upsert("last_contact", { party = id }, {
    [object] = id,
    owner = party.owner,
    interaction = interaction.id,
    at = interaction.at,
    by = interaction.owner,
    kind = interaction.kind,
  })
end

local function row_of(id)
  return px.store.first("last_contact", { filter = { party = id } })
end

local function renew_one(object, id)
  local interaction = newest(object, id)
  local row = row_of(id)
  if interaction then
    keep(object, id, interaction)
  elseif row then
    px.store.delete("last_contact", row.id)
  end
end

-- A new one: nothing to look for when it is older than what is known.
function M.add(id, interaction)
  if not counts(interaction) then
    return
  end
  for object, field in pairs(M.FIELDS) do
    for _, party in ipairs(interaction[field] or {}) do
      local row = row_of(party)
      if not row or row.at < interaction.at then
        keep(object, party, {
          id = id, at = interaction.at, owner = interaction.owner, kind = interaction.kind,
        })
      end
    end
  end
end

-- One that changed or went: of all its parties anew.
function M.renew(interaction)
  for object, field in pairs(M.FIELDS) do
    for _, party in ipairs(interaction[field] or {}) do
      renew_one(object, party)
    end
  end
end

-- A party that is gone has no row; one that is there has its own.
function M.settle(object, id)
  local row = row_of(id)
  if px.store.get(object, id) then
    renew_one(object, id)
  elseif row then
    px.store.delete("last_contact", row.id)
  end
end

-- The row knows it, unless it points at something that is not for who asks: then it is looked for among what is.
local function kept(id)
  local row = px.try(row_of, id)
  local interaction = row and px.try(px.store.get, "interaction", row.interaction)
  return interaction and counts(interaction) and interaction or nil
end

-- As who asks may see it: { at, by, kind, interaction, subject, days }, nil when nothing is known.
function M.of(object, id)
  local interaction = kept(id) or newest(object, id)
  if not interaction then
    return nil
  end
  local by = interaction.owner and px.store.get("user", interaction.owner)
  return {
    at = interaction.at,
    by = by and (by.display_name or by.name) or px.null,
    kind = interaction.kind,
    interaction = interaction.id,
    subject = interaction.subject,
    days = px.date.diff(px.date.now(), interaction.at),
  }
end

return M
