-- Gives the next number of a series. Call it inside a unit of work: whoever took the same number meanwhile makes the unit
-- run again, so numbers come without gaps and never twice.

local M = {}

function M.take(code, prefix)
  local series = px.store.first("number_series", { filter = { code = code } })
    or px.store.create("number_series", { code = code, prefix = prefix })
  local number = series.next
  px.store.update("number_series", series.id, { next = number + 1 })
  return string.format("%s%0" .. series.width .. "d", series.prefix or "", number)
end

-- A series that goes back would give a number twice; one that jumps would leave a gap that nobody can explain.
px.before("number_series.update", function(drafts)
  for _, draft in ipairs(drafts) do
    if draft.next ~= nil or draft.code ~= nil then
      px.refuse(draft.next ~= nil and "next" or "code", "the series counts by itself; begin another series instead")
    end
  end
end)

px.before("number_series.delete", function(drafts)
  for _, draft in ipairs(drafts) do
    local series = px.store.get("number_series", draft.id)
    if series and series.next > 1 then
      px.refuse("code", "numbers of this series were given; a series that was used stays")
    end
  end
end)

return M
