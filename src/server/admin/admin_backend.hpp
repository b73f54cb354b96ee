// What the admin API can have done that is not the server's own: implemented in app/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "change/position.hpp"
#include "control/stored_gap.hpp"
#include "streams/cursor_lag.hpp"
#include "streams/hub.hpp"
#include "streams/seek.hpp"

namespace pulse::server {

struct key_description {
  std::string id;     // not secret
  std::string label;  // what its maker called it
  unix_time_us created_at{};
  std::optional<unix_time_us> revoked_at = {};
};

struct created_key {
  key_description description;
  std::string key;  // the secret: shown once, stored nowhere
};

struct stored_cursor {
  streams::cursor_key key;
  position at;
  std::optional<unix_time_us> moved_at = {};
  std::optional<unix_time_us> used_at = {};
  streams::cursor_condition condition = streams::cursor_condition::kept;
  streams::cursor_lag lag;  // as far as it is kept
};

// Of a list in the order of its keys.
struct cursor_page {
  std::optional<streams::cursor_key> after = {};  // nothing: from the beginning
  std::size_t limit = 0;
};

struct cursor_move {
  position from;
  position to;
};

// Called on the delivery thread; each `done` is called once, on that thread, also before the call
// returns. The project exists. errc::not_found: no such key or cursor.
class admin_backend {
 public:
  admin_backend() = default;
  admin_backend(const admin_backend&) = delete;
  admin_backend& operator=(const admin_backend&) = delete;
  virtual ~admin_backend() = default;

  virtual void list_keys(const std::string& project,
                         std::function<void(result<std::vector<key_description>>)> done) = 0;
  virtual void create_key(const std::string& project, const std::string& label,
                          std::function<void(result<created_key>)> done) = 0;
  // The server ends the key's open streams afterwards.
  virtual void revoke_key(const std::string& project, const std::string& key_id,
                          std::function<void(result<void>)> done) = 0;

  // In the order of their keys. Waiting events are counted up to some thousands a cursor.
  virtual void list_cursors(const std::string& project, const cursor_page& page,
                            std::function<void(result<std::vector<stored_cursor>>)> done) = 0;
  // One, with waiting events counted up to some millions.
  virtual void show_cursor(const std::string& project, const streams::cursor_key& key,
                           std::function<void(result<stored_cursor>)> done) = 0;
  // Durable before the answer. Has the hub forget the name, so that its open streams end and come
  // back at the new place. errc::gap: the target is not kept any more.
  virtual void seek_cursor(const std::string& project, const streams::cursor_key& key,
                           const streams::seek_target& target,
                           std::function<void(result<cursor_move>)> done) = 0;
  // Has the hub forget the name too (streams::hub::forget), so that its open streams end.
  virtual void delete_cursor(const std::string& project, const streams::cursor_key& key,
                             std::function<void(result<void>)> done) = 0;

  // Oldest first.
  virtual void list_gaps(const std::string& project,
                         std::function<void(result<std::vector<control::stored_gap>>)> done) = 0;
  // Skips the change at this LSN, at which capture is stopped; the gap
  // is durable before the answer. errc::conflict: it does not stand there.
  virtual void skip_change(const std::string& project, lsn at,
                           std::function<void(result<control::stored_gap>)> done) = 0;
  // Durable before the answer; streams continue after it. errc::not_found: no such gap.
  virtual void accept_gap(const std::string& project, std::uint64_t id, const std::string& by,
                          std::function<void(result<control::stored_gap>)> done) = 0;
};

}  // namespace pulse::server
