-- A request of a tenant that is being moved to another shard waits until the map says where to. Loaded by haproxy.cfg.

local seconds = 10
local tags = Map.new("maps/tags.map", Map._str)
local organizations = Map.new("maps/organizations.map", Map._str)

core.register_action("wait_while_moving", { "http-req" }, function(txn)
	local map = txn:get_var("txn.tag") and tags or organizations
	local key = txn:get_var("txn.key")
	local last = core.now().sec + seconds
	local shard

	repeat
		core.msleep(20)
		shard = map:lookup(key)
	until shard ~= "moving" or core.now().sec > last
	if not shard then
		txn:unset_var("txn.shard")
	elseif shard ~= "split" then
		-- Of an organization that is on several shards, the next attempt finds the application.
		txn:set_var("txn.shard", shard)
	end
end)
