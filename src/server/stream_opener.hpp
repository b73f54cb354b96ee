// The way from what a consumer asks for to an open stream, whatever its connection speaks.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/system/result.hpp>

#include "server/http/credentials.hpp"
#include "server/http/http_exchange.hpp"
#include "server/http/refusal.hpp"
#include "server/stream_host.hpp"
#include "streams/hub.hpp"

namespace pulse::server {

struct opened_stream {
  std::shared_ptr<stream_host> host;
  filters::stream_id id;
  streams::cursor_key key;
};

// Opens one stream: finds the table and asks the hub, in this order, so that what is refused is
// refused over HTTP, and the cursor is durable before an answer begins.
//   403 P6106  stream() in a project whose event persistence is off
//   400 P6100  a filter that does not fit the table
//   401 P6102  the key was revoked meanwhile
//   404 P6100  no such project, no such table
//   409 P6100  a gap or a divergence: delivery waits for the operator
//   503 P6101  the table is not known and PostgreSQL is unreachable
//   503 P6100  the server is shutting down, or the project still opening (with retry-after)
// Counts and logs what it refuses. Does not keep the request: its headers are large, and databases
// and disks are waited for. On the delivery thread.
class stream_opener : public std::enable_shared_from_this<stream_opener> {
 public:
  using opened = std::function<void(boost::system::result<opened_stream, refusal>)>;

  // The stream is one of `key`'s project. `done` is called once, by refuse() or after open(). Who
  // gets the stream closes it.
  stream_opener(const http_exchange& asked, key_identity key, opened done);

  // Why no such stream can be opened now, whatever its table is.
  std::optional<refusal> check(requests::stream_mode mode) const;
  void refuse(const refusal& why);
  // Fills in the table's definition and where a new stream starts. After a check() without a
  // refusal; `done` may be called before this returns.
  void open(streams::stream_opening what);

 private:
  void resolved(streams::stream_opening what, result<resolved_table> table);
  void answered(const streams::cursor_key& stream, const std::shared_ptr<stream_host>& host,
                const result<filters::stream_id>& outcome);
  void log_opened(const streams::cursor_key& stream) const;
  refusal refusal_of(const error& why, const streams::cursor_key& stream) const;
  std::shared_ptr<project_service> still_there() const;
  refusal no_project() const;

  std::shared_ptr<server_context> context_;
  std::string request_id_;
  caller who_;
  key_identity key_;
  opened done_;
  std::weak_ptr<project_service> project_;  // that was asked
};

// Counts and logs a refused request for a stream. `key`: whose it was, as far as that is known.
void note_refused_stream(server_context& context, const key_identity& key,
                         const std::string& request_id, const refusal& why);

}  // namespace pulse::server
