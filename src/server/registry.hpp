// The projects, as the server sees them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "change/catalog.hpp"
#include "change/position.hpp"
#include "change/relation.hpp"
#include "server/captured_history.hpp"
#include "streams/hub.hpp"
#include "streams/pulls.hpp"
#include "streams/seek.hpp"

namespace pulse::server {

// A key that has been accepted.
struct key_identity {
  std::string key_id;   // for logs and lists; not secret
  std::string project;  // the project it belongs to
};

// The table of a model, and where a new stream on it starts.
struct resolved_table {
  table_shape shape;
  position now;                   // the end of history, as near as it is known
  publication_facts publication;  // what is sent of it
};

// One project, as the server sees it. Implemented in app/. All calls on the delivery thread;
// answers too.
class project_service {
 public:
  project_service() = default;
  project_service(const project_service&) = delete;
  project_service& operator=(const project_service&) = delete;
  virtual ~project_service() = default;

  virtual bool event_persistence() const = 0;
  // Why no stream of it can be opened, whatever is asked for; nothing: streams can be opened.
  // errc::unavailable: trying again helps.
  virtual std::optional<error> not_serving() const { return std::nullopt; }
  // Null while it is not serving.
  virtual std::shared_ptr<streams::hub> streams() = 0;
  // Leases on its names. Null while it is not serving.
  virtual std::shared_ptr<streams::pulls> pulls() { return nullptr; }
  // Adds what the operator knows of a model and its header does not say.
  virtual void complete(requests::model& /*wanted*/) const {}
  // errc::not_found: the database has no such table (the answer names similar ones);
  // errc::unavailable: nothing is known yet and PostgreSQL is unreachable. May ask the database if
  // the table is not in the catalog, or does not fit the model or the filters.
  using resolved = std::function<void(result<resolved_table>)>;
  virtual void resolve(const requests::stream_request& wanted, resolved done) = 0;
  // The same from what is known, at once, where that is enough: the table fits, and it does not
  // matter where the database's history ends. Nothing: resolve() says more.
  virtual std::optional<resolved_table> resolve_at_hand(
      const requests::stream_request& /*wanted*/) const {
    return std::nullopt;
  }
  // Finds where a reader continues that has the target (streams::find_read_start), without keeping
  // the thread. errc::gap: retention has dropped a part of the target.
  using found_start = std::function<void(result<position>)>;
  virtual void find_start(const streams::seek_target& target, found_start done) = 0;

  // The end of the database's history at the time of a call.
  struct end_mark {
    position at;
    // Everything that had committed before the call has a position at or before `at`, also with
    // synchronous_commit = off. False: PostgreSQL let Pulse write no barrier, and `at` is what it
    // had flushed.
    bool is_barrier = false;
  };
  // Calls `done` once. The log's covered_through reaches `at` without further writes.
  // errc::unavailable: the database cannot be asked now. PostgreSQL has a few seconds to answer;
  // any number of calls share one question.
  virtual void find_end(std::function<void(result<end_mark>)> done) = 0;

  // Lives as long as this does. Null while it is not serving.
  virtual captured_history* history() { return nullptr; }

  // Time has passed: about once a second.
  virtual void tick(std::chrono::steady_clock::time_point /*now*/) {}

  struct capture_status {
    bool connected = false;
    bool progressing = false;  // has heard from the server and moved on lately
    std::string state;         // one word or a few: "streaming", "connecting", "stopped"
    std::string problem;       // last error and what to do, or empty
  };
  virtual capture_status capture() const = 0;
  // Gaps that nobody has accepted.
  virtual std::size_t open_gaps() const { return 0; }

  // Empty if streams on known tables can be opened, connected to the database or not; otherwise
  // what they wait for. Also empty where waiting does not help: capture() reports the problem, and
  // consumers of other projects must not wait.
  virtual std::string not_ready() const { return {}; }
};

// Finds keys and projects. Called on the delivery thread.
class service_registry {
 public:
  service_registry() = default;
  service_registry(const service_registry&) = delete;
  service_registry& operator=(const service_registry&) = delete;
  virtual ~service_registry() = default;

  // Compares in constant time; nothing for a wrong or revoked key.
  virtual std::optional<key_identity> authenticate(std::string_view presented_key) = 0;
  // Null: there is none of this name. Projects come and go while the server runs; who keeps one
  // for longer than a call keeps it weakly.
  virtual std::shared_ptr<project_service> project(std::string_view name) = 0;
  virtual std::vector<std::pair<std::string, std::shared_ptr<project_service>>> projects() = 0;
};

}  // namespace pulse::server
