-- Who reports to whom in one organisation, as a forest: made of its affiliations alone.
local M = {}

local function by_name(a, b)
  if a.name == b.name then
    return a.affiliation < b.affiliation
  end
  return a.name < b.name
end

-- Lines that have ended may run in a circle; a circle is opened where it would close.
local function stands_above(node, other)
  local above = node.superior
  while above do
    if above == other then
      return true
    end
    above = above.superior
  end
  return false
end

--- nodes: { person, name, affiliation, reports_to?, … }, each gets `reports`; returns those on top. Whose superior is not here
--- stands on top and says so: unknown is not "nobody". Affiliations of one person are one node each, and lines go to his first.
function M.forest(nodes)
  local first = {}
  table.sort(nodes, by_name)
  for _, node in ipairs(nodes) do
    node.reports = px.json.list {}
    first[node.person] = first[node.person] or node
  end
  local top = px.json.list {}
  for _, node in ipairs(nodes) do
    local superior = node.reports_to and first[node.reports_to]
    if superior and superior ~= node and not stands_above(superior, node) then
      node.superior = superior
      superior.reports[#superior.reports + 1] = node
    else
      node.superior_elsewhere = node.reports_to ~= nil or nil
      top[#top + 1] = node
    end
  end
  for _, node in ipairs(nodes) do
    node.superior, node.reports_to = nil, nil
  end
  return top
end

return M
