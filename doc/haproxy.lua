-- What haproxy.cfg, which loads it, cannot say by itself: by what a request names its tenant, and how one waits whose tenant is moving.

-- ---- the tenant that a request names ----

-- Names of arguments and columns: an application; ids that end with the tag of their application; tokens that begin with it.
local applications = { "application_id", "applicationId" }
local tagged_ids = {
	"id", "appointment_id", "conference_id", "line_id", "meeting_template_id", "provider_id", "ring_group_id", "subscription_id"
}
local links = { "token" }

-- The digits of a UUID in any form that PostgreSQL reads, of a filter ("eq."), or quoted; nil: it is none.
local function digits_of(text)
	local digits = text:lower():gsub("^eq%.", ""):gsub('[-{}"]', "")
	return #digits == 32 and digits:match("^%x+$")
end

local function tag_of_application(txn, text)
	local digits = digits_of(text)
	return digits and digits:sub(1, 8)
end

local function tag_of_id(txn, text)
	local digits = digits_of(text)
	return digits and digits:sub(25)
end

local function tag_of_link(txn, text)
	local octets = #text == 38 and txn.c:ub64dec(text)
	return octets and #octets > 4 and ("%02x%02x%02x%02x"):format(octets:byte(1, 4))
end

-- A function that returns the text of a name: in the query, in a form, in a JSON object or the first of several rows.
local function reader_of(txn)
	if txn.f:method() ~= "POST" then
		return function(name)
			local text = txn.f:url_param(name)
			return text and txn.c:url_dec(text)
		end
	end
	if txn.sf:req_hdr("content-type"):lower():find("^application/x%-www%-form%-urlencoded") then
		return function(name)
			local text = txn.f:req_body_param(name)
			return text and txn.c:url_dec(text, 1)
		end
	end
	local body = txn.sf:req_body()
	return function(name)
		-- Of most names a long body has none, and parsing it for each takes ten times as long as this.
		return body:find('"' .. name .. '"', 1, true)
			and (txn.c:json_query(body, "$." .. name) or txn.c:json_query(body, "$[0]." .. name))
	end
end

local function named_tag(txn)
	local read = reader_of(txn)
	local function first(names, tag_of)
		for _, name in ipairs(names) do
			local text = read(name)
			local tag = text and tag_of(txn, text)
			if tag then
				return tag
			end
		end
	end

	return first(applications, tag_of_application)
		or txn.f:path() == "/application" and first({ "id" }, tag_of_application)
		or first(tagged_ids, tag_of_id)
		or first(links, tag_of_link)
end

core.register_action("find_tenant", { "http-req" }, function(txn)
	local tag
	if txn.f:path() == "/rpc/receive_sms" then
		-- The provider of a message that came in: set by nginx.conf.
		tag = tag_of_id(txn, txn.sf:req_hdr("x-gateway-key"))
	else
		tag = named_tag(txn)
	end
	if tag then
		txn:set_var("txn.tag", tag)
	end
end)

-- ---- a tenant that is moving: its request waits until the map says where to ----

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
