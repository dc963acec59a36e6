-- What follows from a dealing: who buys becomes a client, and somebody welcomes him.

px.on("opportunity.stage.won", { key = "organisation", retry = { times = 8 } }, function(event)
  local won = event.after
  if won.organisation then
    px.store.update("organisation", won.organisation, { roles = px.add("client") })
  end
  px.store.create("task", {
    title = "Welcome call",
    owner = won.owner,
    organisation = won.organisation,
    opportunity = event.id,
    due = px.date.today() + "3d",
  })
end)

-- Who does not want to hear from us is not written to, whichever plugin wants to.

local parties <const> = { "person", "organisation" }

local function is_closed(party, filter)
  filter.do_not_contact = true
  return px.store.first(party, { filter = filter }) ~= nil
end

px.before("mail.send", function(mails)
  for _, mail in ipairs(mails) do
    for _, party in ipairs(parties) do
      if is_closed(party, { email = mail.to }) or mail.related and is_closed(party, { id = mail.related }) then
        px.refuse("to", "this " .. party .. " is marked as not to be contacted")
      end
    end
  end
end)
require "rates"
