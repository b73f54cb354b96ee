#include "server/events/event_stream_routes.hpp"

#include <memory>
#include <utility>

#include "server/events/event_refusal.hpp"
#include "server/events/event_stream_request.hpp"
#include "server/events/event_stream_session.hpp"
#include "server/stream_opener.hpp"

namespace pulse::server {
namespace {

// Asks before the name is taken: without an end there is nothing to wait for.
void open_until_end(const std::shared_ptr<project_service>& project,
                    const std::shared_ptr<stream_opener>& opener,
                    const std::shared_ptr<event_stream_session>& session,
                    streams::stream_opening what) {
  project->find_end(
      [opener, session, what = std::make_shared<streams::stream_opening>(std::move(what))](
          const result<project_service::end_mark>& end) {
        if (!end) return opener->refuse(refuse_for_datasource(end.error()));
        session->run_to(end->at);
        opener->open(std::move(*what));
      });
}

void stream_events(const exchange_pointer& asked) {
  const auto& key = asked->who().key;
  auto read = read_event_stream_request(*asked);
  if (!read) {
    note_refused_stream(asked->context(), key, asked->request_id(), read.error());
    return asked->refuse(read.error());
  }
  if (asked->request().method == "HEAD") {
    http_response head;
    head.content_type = content_type_of(read->format);
    asked->stream(head, nullptr);
    return;
  }
  const auto session = std::make_shared<event_stream_session>(*asked, *read);
  const auto opener = std::make_shared<stream_opener>(
      *asked, key,
      [asked, session,
       format = read->format](const boost::system::result<opened_stream, refusal>& opened) {
        if (!opened) return refuse_events(*asked, format, opened.error());
        session->begin(asked, *opened);
      });
  if (const auto no = opener->check(requests::stream_mode::stream)) return opener->refuse(*no);
  streams::stream_opening what{.wanted = std::move(read->wanted),
                               .shape = {},
                               .start = {},
                               .to = session,
                               .kind = streams::holder_kind::event_stream,
                               .window_events_max = read->window_events_max,
                               .window_bytes_max = event_stream_window_bytes};
  const auto project = asked->context().registry->project(key.project);
  // What is not serving is refused with its reason.
  if (!read->until_end || project->not_serving()) return opener->open(std::move(what));
  open_until_end(project, opener, session, std::move(what));
}

}  // namespace

void add_event_stream_routes(route_table& routes) {
  routes.add(
      {.method = "GET",
       .path = path_pattern("/v1/streams/{name}/events"),
       .where = served_on::streams,
       .wants = credential::api_key,
       .summary = "Streams a named stream's events, for an EventSource or as NDJSON.",
       .query = {{"table", "`{schema}.{table}`, percent-encoded.", true},
                 {"where", "Filters as JSON: docs/native_events.md."},
                 {"until",
                  "`end`: the answer ends when everything committed before has been sent."},
                 {"window", "Events that are sent unacknowledged: 1 to 10000, by default 1000."}},
       .answers = {{.status = 200,
                    .meaning = "The events, as server-sent events or, where `accept` asks for "
                               "application/x-ndjson, a line each.",
                    .content_type = "text/event-stream"},
                   {.status = 204,
                    .meaning =
                        "The end of `until=end` was reached before, and is acknowledged now.",
                    .content_type = ""}},
       .handle = stream_events});
}

}  // namespace pulse::server
