-- The day it is where the company works.
local M = {}

function M.today()
  return px.date.today(px.config.get("zone"))
end

return M
