-- In which language the caller of a route reads: ?language=, else what the request accepts; English where nothing is said.
local M = {}

function M.language(request)
  local asked = request.query.language or request.headers["accept-language"] or "en"
  return asked:lower():match("^el%f[^%a]") and "el" or "en"
end

--- A label of a record that keeps one text per language: field, or field_el where there is one.
function M.text(record, field, language)
  return language == "el" and record[field .. "_el"] or record[field]
end

return M
