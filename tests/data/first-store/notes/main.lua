px.on("organisation.created", function(event)
  px.store.create("note", { text = "seen: " .. event.type })
end)
