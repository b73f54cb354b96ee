// Every metric of the program: one row each, in the order of docs/metrics.md, which a test compares
// with it. Metrics of one project have the label `project`.
#pragma once

#include "base/metric_definition.hpp"

namespace pulse::metric {

inline constexpr auto build_info =
    gauge("pulse_build_info", "1, with the program's version", "version");
inline constexpr auto start_time_seconds =
    gauge("pulse_start_time_seconds", "When the program began to serve, in seconds since 1970");
inline constexpr auto events_captured =
    counter("pulse_events_captured_total", "Row changes appended to the log", "project");
inline constexpr auto events_recaptured =
    counter("pulse_events_recaptured_total",
            "Row changes that PostgreSQL sent again and Pulse recognised as duplicates", "project");
inline constexpr auto truncates =
    counter("pulse_truncates_total", "Tables emptied by TRUNCATE commands", "project");
inline constexpr auto transactions_captured =
    counter("pulse_transactions_captured_total",
            "Transactions of which row changes were appended to the log", "project");
inline constexpr auto capture_connected =
    gauge("pulse_capture_connected", "1 while changes stream from the database", "project");
inline constexpr auto capture_progressing = gauge(
    "pulse_capture_progressing", "1 while /capturez reports no problem of the project", "project");
inline constexpr auto capture_lag_seconds = gauge(
    "pulse_capture_lag_seconds",
    "Age of the oldest WAL that PostgreSQL has flushed and Pulse has not confirmed", "project");
inline constexpr auto capture_connections =
    counter("pulse_capture_connections_total", "Replication connections opened", "project");
inline constexpr auto capture_received_lsn_bytes =
    gauge("pulse_capture_received_lsn_bytes",
          "Position up to which PostgreSQL has sent WAL, as a byte offset", "project");
inline constexpr auto capture_confirmed_lsn_bytes =
    gauge("pulse_capture_confirmed_lsn_bytes",
          "Position up to which events are durable and confirmed, as a byte offset", "project");
inline constexpr auto streamed_transactions_committed =
    counter("pulse_streamed_transactions_committed_total",
            "Transactions that were received while in progress, and committed", "project");
inline constexpr auto streamed_transactions_aborted =
    counter("pulse_streamed_transactions_aborted_total",
            "Transactions that were received while in progress, and rolled back", "project");
inline constexpr auto streamed_subtransactions_aborted =
    counter("pulse_streamed_subtransactions_aborted_total",
            "Subtransactions that were rolled back after they had been received", "project");
inline constexpr auto spill_written_bytes =
    counter("pulse_spill_written_bytes_total",
            "Bytes of in-progress transactions written to the spill area", "project");
inline constexpr auto spill_stored_bytes =
    gauge("pulse_spill_stored_bytes", "Bytes of in-progress transactions in the spill area now",
          "project");
inline constexpr auto visibility_waiting_transactions =
    gauge("pulse_visibility_waiting_transactions",
          "Committed transactions that other sessions may not see yet", "project");
inline constexpr auto visibility_questions = counter(
    "pulse_visibility_questions_total", "Snapshots that Pulse asked PostgreSQL for", "project");
inline constexpr auto visibility_unverified =
    counter("pulse_visibility_unverified_total",
            "Transactions delivered without knowing whether other sessions see them", "project");
inline constexpr auto tables_without_identity =
    gauge("pulse_tables_without_identity", "Tables that are captured as INSERTs and TRUNCATEs only",
          "project");
inline constexpr auto catalog_reads =
    counter("pulse_catalog_reads_total", "Reads of the database's catalog", "project", "what");
inline constexpr auto catalog_rows_read =
    counter("pulse_catalog_rows_read_total",
            "Rows of tables, columns, types and collations read from the catalog", "project");
inline constexpr auto slot_lag_bytes =
    gauge("pulse_slot_lag_bytes", "WAL that PostgreSQL has flushed and Pulse has not confirmed",
          "project");
inline constexpr auto slot_retained_wal_bytes = gauge(
    "pulse_slot_retained_wal_bytes", "WAL that PostgreSQL keeps because of the slot", "project");
inline constexpr auto slot_safe_wal_bytes = gauge(
    "pulse_slot_safe_wal_bytes", "WAL that can be written before the slot may be lost", "project");
inline constexpr auto heartbeats = counter(
    "pulse_heartbeats_total", "Heartbeats written to the database to advance the slot", "project");
inline constexpr auto heartbeat_failures =
    counter("pulse_heartbeat_failures_total", "Heartbeats that Pulse could not write", "project");
inline constexpr auto barriers =
    counter("pulse_barriers_total", "Messages written to the database to find the end of its WAL",
            "project");
inline constexpr auto barrier_failures =
    counter("pulse_barrier_failures_total", "Barriers that Pulse could not write", "project");
inline constexpr auto gaps_open =
    gauge("pulse_gaps_open", "Gaps that nobody has accepted yet", "project");
inline constexpr auto project_open = gauge(
    "pulse_project_open", "0 while the stored events of the project are not opened", "project");
inline constexpr auto changes_skipped =
    counter("pulse_changes_skipped_total", "Changes that an operator skipped", "project");
inline constexpr auto gaps = counter("pulse_gaps_total", "Gaps found", "project", "kind");
inline constexpr auto events_stored =
    counter("pulse_events_stored_total", "Events that have become durable", "project");
inline constexpr auto log_syncs =
    counter("pulse_log_syncs_total", "Syncs of the event log to disk", "project");
inline constexpr auto log_lag_bytes =
    gauge("pulse_log_lag_bytes", "Bytes of events captured and not durable yet", "project");
inline constexpr auto log_stored_bytes =
    gauge("pulse_log_stored_bytes", "Bytes of the event log", "project");
inline constexpr auto log_retention_bytes =
    gauge("pulse_log_retention_bytes",
          "Size of the event log beyond which retention drops the oldest events", "project");
inline constexpr auto log_storage_max_bytes = gauge(
    "pulse_log_storage_max_bytes", "Size of the event log beyond which capture waits", "project");
inline constexpr auto log_out_of_space =
    gauge("pulse_log_out_of_space",
          "1 while the event log waits for room on its disk, or below storage_max", "project");
inline constexpr auto volume_bytes =
    gauge("pulse_volume_bytes", "Size of the volume that has the data directory", "project");
inline constexpr auto volume_available_bytes = gauge(
    "pulse_volume_available_bytes", "Bytes that Pulse may still write to that volume", "project");
inline constexpr auto connections_open =
    gauge("pulse_connections_open", "Connections that are open");
inline constexpr auto connections_accepted =
    counter("pulse_connections_accepted_total", "Connections accepted");
inline constexpr auto connections_over_limit =
    counter("pulse_connections_over_limit_total", "Connections refused because too many were open");
inline constexpr auto connections_idle_closed =
    counter("pulse_connections_idle_closed_total",
            "Idle connections that were closed in favour of new ones");
inline constexpr auto connections_over_address_limit =
    counter("pulse_connections_over_address_limit_total",
            "Connections refused because too many were open from their address");
inline constexpr auto accept_failures = counter(
    "pulse_accept_failures_total", "Connections that the operating system failed to accept");
inline constexpr auto streams_refused =
    counter("pulse_streams_refused_total", "Requests for a stream answered with an error");
inline constexpr auto keys_refused =
    counter("pulse_keys_refused_total", "Requests with a wrong key or token, or none");
inline constexpr auto key_attempts_refused =
    counter("pulse_key_attempts_refused_total",
            "Requests refused because their address had sent too many wrong keys");
inline constexpr auto client_messages_ignored =
    counter("pulse_client_messages_ignored_total", "Messages of unknown types from consumers");
inline constexpr auto client_protocol_violations =
    counter("pulse_client_protocol_violations_total",
            "Connections closed because of what the consumer sent");
inline constexpr auto clients_silent =
    counter("pulse_clients_silent_total", "Connections closed because the client was silent");
inline constexpr auto stream_sent_bytes =
    counter("pulse_stream_sent_bytes_total", "Bytes written to open streams");
inline constexpr auto streamed_answers_open =
    gauge("pulse_streamed_answers_open", "HTTP answers that are sent bit by bit");
inline constexpr auto streamed_answers_stalled =
    counter("pulse_streamed_answers_stalled_total",
            "HTTP answers cut off because the client took nothing of them");
inline constexpr auto waits_open =
    gauge("pulse_waits_open", "Requests that wait until something is captured or acknowledged");
inline constexpr auto waits_refused =
    counter("pulse_waits_refused_total", "Requests to wait refused because too many wait");
inline constexpr auto waits_timed_out =
    counter("pulse_waits_timed_out_total", "Requests whose wait ended before what they waited for");
inline constexpr auto tls_failures = counter(
    "pulse_tls_failures_total", "Encrypted connections that failed before a request was read");
inline constexpr auto compression_saved_bytes =
    counter("pulse_compression_saved_bytes_total", "Bytes not sent because events were compressed");
inline constexpr auto events_delivered = counter(
    "pulse_events_delivered_total", "Events sent to consumers, redeliveries included", "project");
inline constexpr auto events_redelivered =
    counter("pulse_events_redelivered_total",
            "Events sent again under a name that received them before", "project");
inline constexpr auto subscribe_events_dropped =
    counter("pulse_subscribe_events_dropped_total", "Events dropped for slow subscribe() consumers",
            "project");
inline constexpr auto events_filter_undecided =
    counter("pulse_events_filter_undecided_total",
            "Events delivered because they lack a value that the filter needs", "project");
inline constexpr auto filter_evaluations =
    counter("pulse_filter_evaluations_total", "Evaluations of a stream's filter", "project");
inline constexpr auto filter_interruptions =
    counter("pulse_filter_interruptions_total",
            "Evaluations that took too long for one event and were continued later, so that others "
            "were served",
            "project");
inline constexpr auto events_acknowledged =
    counter("pulse_events_acknowledged_total", "Acknowledgements of events in flight", "project");
inline constexpr auto acknowledgements_unknown = counter(
    "pulse_acknowledgements_unknown_total", "Acknowledgements that match no event", "project");
inline constexpr auto stream_lag_bytes = gauge(
    "pulse_stream_lag_bytes", "WAL bytes from a named stream's cursor to the newest stored event",
    "project", "table", "stream");
inline constexpr auto stream_lags_left_out = gauge(
    "pulse_stream_lags_left_out", "Named streams without a pulse_stream_lag_bytes", "project");
inline constexpr auto log_read_failures =
    counter("pulse_log_read_failures_total",
            "Reads of stored events that failed because of the disk", "project");
inline constexpr auto cursors_near_expiry =
    gauge("pulse_cursors_near_expiry",
          "Named streams whose next event retention would have dropped if it kept a fifth less",
          "project");
inline constexpr auto cursors_expired = counter(
    "pulse_cursors_expired_total",
    "Named streams for which retention dropped events that they still waited for", "project");
inline constexpr auto unnamed_streams_started =
    counter("pulse_unnamed_streams_started_total",
            "Times that stream() without a name was opened, reconnects included: each starts now",
            "project");
inline constexpr auto unnamed_streams_overtaken = counter(
    "pulse_unnamed_streams_overtaken_total",
    "Unnamed streams ended because retention dropped events that they still waited for", "project");
inline constexpr auto cursors_abandoned = counter(
    "pulse_cursors_abandoned_total", "Names that nobody opened for abandoned_after", "project");
inline constexpr auto cursors_abandoned_deleted = counter(
    "pulse_cursors_abandoned_deleted_total", "Abandoned names that were deleted", "project");
inline constexpr auto pages_read =
    counter("pulse_pages_read_total", "Pages of events that were read over HTTP", "project");
inline constexpr auto page_events =
    counter("pulse_page_events_total", "Events in these pages", "project");
inline constexpr auto page_readers_waiting =
    gauge("pulse_page_readers_waiting", "Requests for a page that wait for an event", "project");
inline constexpr auto streams_open =
    gauge("pulse_streams_open", "Streams and subscriptions that are open", "project");
inline constexpr auto leases_held =
    gauge("pulse_leases_held", "Names that a pull has on a lease", "project");
inline constexpr auto leases_fenced =
    counter("pulse_leases_fenced_total",
            "Pulls and acknowledgements refused because their lease was over", "project");
inline constexpr auto pulls_waiting =
    gauge("pulse_pulls_waiting", "Pulls that wait for events, or for their name", "project");
inline constexpr auto streams_stalled =
    gauge("pulse_streams_stalled", "Streams whose window is full", "project");
inline constexpr auto streams_stalled_ended = counter(
    "pulse_streams_stalled_ended_total",
    "Streams ended because they acknowledged nothing while another consumer waited for their name",
    "project");

}  // namespace pulse::metric
