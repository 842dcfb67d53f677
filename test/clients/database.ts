// What database.types.ts of scripts/describe promises: postgrest-js knows functions, arguments, codes and rows, and refuses
// what is none of these.
import { PostgrestClient } from "@supabase/postgrest-js";
import type { Database } from "./database.types";

const client = new PostgrestClient<Database>("http://127.0.0.1:3000");
const api = client.schema("appt");
const compatible = client.schema("appt_rest");

export async function useIt(application: string): Promise<string | null> {
	const { data, error } = await api.rpc("schedule_appointment", {
		application_id: application,
		start_at: "2098-01-31T19:00:00Z",
		duration: "PT30M",
		customer: { contact: { primaryEmail: "bobby@customer.example" } },
	});
	if (error) throw new Error(`${error.code}: ${error.message}`);
	const state: "SCHEDULED" | "ACTIVATED" | "ENDED" | "CANCELLED" | null = data.state;
	// @ts-expect-error an appointment has no such member
	data.stat;
	// @ts-expect-error required arguments are missing
	await api.rpc("schedule_appointment", { application_id: application });
	// @ts-expect-error there is no such function
	await api.rpc("schedule", {});
	// @ts-expect-error there is no such channel
	await api.rpc("send_message", { application_id: application, channel: "FAX", recipient: "bobby@customer.example" });
	// @ts-expect-error there is no such table
	await api.from("appointments").select();

	const { data: log } = await api.from("notification_log").select("type,channel,state,reason").eq("appointment_id", data.id!);
	const reasons: (Database["appt"]["Enums"]["reason_code"] | null)[] = (log ?? []).map((row) => row.reason);
	await api.from("rule").insert({ application_id: application, type: "REMINDER", channel: "EMAIL", time_offset: "PT15M" });

	const { data: made } = await compatible.rpc("schedule_appointment", {
		applicationId: application,
		start: "2098-01-31T19:00:00",
		duration: "PT5M",
	});
	return made?.roomAccess?.url ?? state ?? reasons[0] ?? null;
}
