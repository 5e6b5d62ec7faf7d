-- Lets a call go on in FreeSWITCH's dialplan: it has to hear `connect` before the connection ends.
core.register_service("let_go", "tcp", function(applet)
  applet:send("connect\n\nexit\n\n")
  -- Its answer is the channel's data; the connection is over when it has read the `exit`.
  while true do
    local data = applet:receive(4096)
    if data == nil or #data == 0 then
      return
    end
  end
end)
