// What stands behind the server in its tests.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "base/metrics.hpp"
#include "log/memory_log.hpp"
#include "log/memory_relations.hpp"
#include "server/admin/admin_backend.hpp"
#include "server/registry.hpp"
#include "server/stream_host.hpp"

namespace pulse::server {

// Opens every stream unless told otherwise, and records what reaches it.
class fake_host final : public stream_host {
 public:
  void open(streams::stream_opening what, streams::hub::opened done) override {
    requests.push_back(std::move(what.wanted));
    kind = what.kind;
    window_events_max = what.window_events_max;
    window_bytes_max = what.window_bytes_max;
    if (refuse_open) return done(*refuse_open);
    subscriber = std::move(what.to);
    if (hold_open) {
      held = std::move(done);
      return;
    }
    done(filters::stream_id{++opened});
  }
  void acknowledge(filters::stream_id /*stream*/, const event_id& id) override {
    acknowledged.push_back(id);
    if (on_acknowledge) on_acknowledge();
  }
  std::optional<std::size_t> acknowledge_through(filters::stream_id /*stream*/,
                                                 const event_id& id) override {
    acknowledged_through.push_back(id);
    if (id > last_id) return std::nullopt;
    return acknowledges_through;
  }
  void save(const streams::cursor_key& /*key*/, std::optional<std::string> /*lease*/,
            std::function<void(result<void>)> done) override {
    done(saves ? result<void>() : result<void>(error{errc::io, "the disk is full"}));
  }
  void when_passed(filters::stream_id /*stream*/, const position& place,
                   std::function<void()> done) override {
    awaited.emplace_back(place, std::move(done));
  }
  std::optional<streams::name_holder> holder(const streams::cursor_key& /*key*/) const override {
    return holds;
  }
  std::optional<control::stored_gap> gap_of(const streams::cursor_key& /*key*/) const override {
    return gap;
  }
  void writable(filters::stream_id /*stream*/) override {
    ++writable_calls;
    if (on_writable) on_writable();
  }
  void quiesce(filters::stream_id /*stream*/) override {}
  void close(filters::stream_id stream) override {
    closed.push_back(stream);
    subscriber.reset();
    if (on_close) on_close();
  }

  std::optional<error> refuse_open;
  bool hold_open = false;
  streams::hub::opened held;
  std::vector<requests::stream_request> requests;
  // Of the last one.
  std::optional<streams::holder_kind> kind;
  std::optional<std::size_t> window_events_max;
  std::optional<std::size_t> window_bytes_max;
  std::shared_ptr<streams::subscriber> subscriber;
  std::uint64_t opened = 0;
  std::vector<event_id> acknowledged;
  std::vector<event_id> acknowledged_through;
  // None after it was ever given.
  event_id last_id = *parse_event_id("7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
  bool saves = true;
  std::optional<control::stored_gap> gap;
  std::size_t acknowledges_through = 0;
  std::vector<std::pair<position, std::function<void()>>> awaited;
  std::optional<streams::name_holder> holds;
  int writable_calls = 0;
  std::vector<filters::stream_id> closed;
  std::function<void()> on_acknowledge;
  std::function<void()> on_writable;
  std::function<void()> on_close;
};

class fake_project final : public project_service {
 public:
  fake_project(const boost::asio::any_io_executor& executor, metrics& figures)
      : executor_(executor),
        hub_(std::make_shared<streams::hub>(
            streams::hub::parts{executor, &log_, &relations_, nullptr, &figures, "shop"},
            streams::stream_limits{})) {}

  bool event_persistence() const override { return persistence; }
  std::shared_ptr<streams::hub> streams() override { return hub_; }
  std::optional<error> not_serving() const override { return why_not_serving; }
  void tick(std::chrono::steady_clock::time_point now) override { hub_->tick(now); }
  void resolve(const requests::stream_request& wanted, resolved done) override {
    if (resolve_with) return done(resolve_with(wanted));
    if (refuse_resolve) return done(*refuse_resolve);
    if (hold_resolve) {
      held = std::move(done);
      return;
    }
    done(a_table());
  }
  void find_end(std::function<void(result<end_mark>)> done) override { done(end); }
  void find_start(const streams::seek_target& target, found_start done) override {
    boost::asio::post(executor_,
                      [this, target, done] { done(streams::find_read_start(log_, target, {})); });
  }
  captured_history* history() override { return its_history; }
  static resolved_table a_table() { return {{std::make_shared<relation>(), nullptr}, {}, {}}; }
  capture_status capture() const override { return status; }
  std::string not_ready() const override { return why_not_ready; }

  bool persistence = true;
  result<end_mark> end = end_mark{{1, {64}, {}, 0}, true};
  std::function<result<resolved_table>(const requests::stream_request&)> resolve_with;
  captured_history* its_history = nullptr;
  std::optional<error> refuse_resolve;
  bool hold_resolve = false;
  resolved held;
  capture_status status{true, true, "streaming", ""};
  std::string why_not_ready;
  std::optional<error> why_not_serving;

  log::memory_log& log() { return log_; }
  log::memory_relations& relations() { return relations_; }

 private:
  boost::asio::any_io_executor executor_;
  log::memory_log log_{std::uint64_t{1} << 20U};
  log::memory_relations relations_;
  std::shared_ptr<streams::hub> hub_;
};

class fake_registry final : public service_registry {
 public:
  // Who outlives it.
  explicit fake_registry(project_service& its) : one(&its, [](project_service*) {}) {}

  std::optional<key_identity> authenticate(std::string_view presented) override {
    const auto found = keys.find(std::string(presented));
    if (found == keys.end()) return std::nullopt;
    return key_identity{found->second, "shop"};
  }
  std::shared_ptr<project_service> project(std::string_view name) override {
    return name == "shop" ? one : nullptr;
  }
  std::vector<std::pair<std::string, std::shared_ptr<project_service>>> projects() override {
    if (one == nullptr) return {};
    return {{"shop", one}};
  }

  std::map<std::string, std::string> keys{{"good-key", "key-1"}, {"other-key", "key-2"}};
  std::shared_ptr<project_service> one;  // null: it has been removed
};

class fake_backend final : public admin_backend {
 public:
  void list_keys(const std::string& /*project*/,
                 std::function<void(result<std::vector<key_description>>)> done) override {
    done(std::vector<key_description>{{"key-1", "laptop", unix_time_us{}, {}}});
  }
  void create_key(const std::string& /*project*/, const std::string& label,
                  std::function<void(result<created_key>)> done) override {
    done(
        created_key{{"key-3", label, unix_time_us(std::chrono::milliseconds(1500)), {}}, "secret"});
  }
  void revoke_key(const std::string& /*project*/, const std::string& key_id,
                  std::function<void(result<void>)> done) override {
    if (key_id != "key-1") return done(error{errc::not_found, "there is no key '" + key_id + "'"});
    done({});
  }
  void list_cursors(const std::string& /*project*/, const cursor_page& page,
                    std::function<void(result<std::vector<stored_cursor>>)> done) override {
    pages.push_back(page);
    std::vector<stored_cursor> all;
    for (std::size_t i = 0; i < cursors && all.size() < page.limit; ++i) {
      auto one = a_cursor();
      if (i != 0) one.key.name += std::to_string(i);
      if (!page.after || one.key > *page.after) all.push_back(one);
    }
    done(all);
  }
  void show_cursor(const std::string& /*project*/, const streams::cursor_key& key,
                   std::function<void(result<stored_cursor>)> done) override {
    if (key != a_cursor().key) return done(error{errc::not_found, "there is no such stream"});
    done(a_cursor());
  }
  void seek_cursor(const std::string& /*project*/, const streams::cursor_key& /*key*/,
                   const streams::seek_target& target,
                   std::function<void(result<cursor_move>)> done) override {
    sought.push_back(target);
    done(cursor_move{{1, {16}, {8}, 0}, {1, {32}, {}, 0}});
  }
  void delete_cursor(const std::string& /*project*/, const streams::cursor_key& key,
                     std::function<void(result<void>)> done) override {
    deleted.push_back(key);
    done({});
  }

  static stored_cursor a_cursor() {
    stored_cursor one;
    one.key = {{"public", "User"}, "mail"};
    one.at = {1, {16}, {8}, 0};
    one.lag.events = 7;
    one.lag.oldest_waiting = unix_time_us(std::chrono::seconds(-90));
    return one;
  }

  void list_gaps(const std::string& /*project*/,
                 std::function<void(result<std::vector<control::stored_gap>>)> done) override {
    done(gaps);
  }
  void skip_change(const std::string& /*project*/, lsn at,
                   std::function<void(result<control::stored_gap>)> done) override {
    if (at != stands_at) return done(error{errc::conflict, "capture does not stand there", ""});
    control::stored_gap gap;
    gap.id = 9;
    gap.what.kind = gap_kind::skipped;
    done(gap);
  }
  void accept_gap(const std::string& /*project*/, std::uint64_t id, const std::string& by,
                  std::function<void(result<control::stored_gap>)> done) override {
    const auto found = std::ranges::find(gaps, id, &control::stored_gap::id);
    if (found == gaps.end()) return done(error{errc::not_found, "there is no such gap", ""});
    found->accepted_at = unix_time_us{};
    found->accepted_by = by;
    done(*found);
  }

  std::vector<control::stored_gap> gaps;
  lsn stands_at;
  std::vector<cursor_page> pages;
  std::size_t cursors = 1;
  std::vector<streams::seek_target> sought;
  std::vector<streams::cursor_key> deleted;
};

}  // namespace pulse::server
