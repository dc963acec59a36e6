-- What follows from a dealing: who buys becomes a client, and somebody welcomes him.

px.on("opportunity.stage.won", { key = "organisation", retry = { times = 8 } }, function(event)
  local won = event.after
  if won.organisation then
    px.store.update("organisation", won.organisation, { roles = px.add("client") })
  end
  px.store.create("task", {
    title = "Welcome call",
    kind = "call",
    owner = won.owner,
    organisation = won.organisation,
    opportunity = event.id,
    due = px.date.today() + "3d",
  })
end)
