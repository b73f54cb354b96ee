// A hub over a log in memory, on scripted time, with consumers that keep what they get.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "log/memory_log.hpp"
#include "log/memory_relations.hpp"
#include "streams/hub.hpp"
#include "tests/unit/filters/filter_cases.hpp"

namespace pulse::streams {

// Durable at once, as far as memory is; answers at once, too, or when it is told to.
class cursors_in_memory final : public cursor_store {
 public:
  void open(const cursor_key& key, position initial, opened done) override {
    auto answer = [at = stored.try_emplace(key, initial).first->second, done = std::move(done)] {
      done(at);
    };
    if (answers_opens) return answer();
    waiting.push_back(std::move(answer));
  }
  void save(std::vector<saved_cursor> moved, saved done) override {
    if (fail_saves) return done(error{errc::io, "the disk is gone"});
    std::vector<cursor_key> missing;
    for (const auto& [key, at, lease] : moved) {
      const auto found = stored.find(key);
      if (lease) leases[key] = *lease;
      if (found == stored.end()) {
        missing.push_back(key);
      } else {
        found->second = at;
      }
    }
    done(missing);
  }
  void mark_abandoned(const cursor_key& key, bool abandoned) override { marks[key] = abandoned; }
  void remove(const cursor_key& key) override { stored.erase(key); }

  void answer() {
    for (const auto& one : std::exchange(waiting, {})) one();
  }

  std::map<cursor_key, position> stored;
  std::map<cursor_key, bool> marks;
  std::map<cursor_key, std::string> leases;
  bool answers_opens = true;
  std::vector<std::function<void()>> waiting;
  bool fail_saves = false;
};

class recorder final : public subscriber {
 public:
  void send(const event_id& id, std::string_view event_json) override {
    const auto event = boost::json::parse(event_json);
    EXPECT_EQ(event.at("id").as_string(), to_string(id));
    ids.emplace_back(event.at("id").as_string());
    rows.emplace_back(event.at("created").at("id").as_string());
  }
  std::size_t unsent_bytes() const override { return 0; }
  void end(end_reason reason, std::string_view message) override {
    ended = reason;
    said = message;
  }

  // Of events that were appended by number.
  std::vector<int> numbers() const {
    std::vector<int> all;
    all.reserve(rows.size());
    for (const auto& row : rows) all.push_back(std::stoi(row));
    return all;
  }

  filters::stream_id stream{};
  std::vector<std::string> ids;
  std::vector<std::string> rows;
  std::optional<error> refused;
  std::optional<end_reason> ended;
  std::string said;
};

class scripted_wall_clock final : public clock_source {
 public:
  unix_time_us now() const override { return at; }
  std::chrono::steady_clock::time_point steady_now() const override { return {}; }
  unix_time_us at{std::chrono::seconds(1'700'000'000)};
};

// Tables `jobs` and `notes` of one text column `id`.
class hub_fixture : public ::testing::Test {
 protected:
  hub_fixture() : hub_fixture(std::uint64_t{32} << 20U) {}
  explicit hub_fixture(std::uint64_t log_bytes_max) : log_(log_bytes_max) {}

  void start_hub() {
    hub_ = std::make_unique<hub>(hub::parts{context_.get_executor(), served_, &relations_,
                                            &cursors_, &figures_, "shop", &clock_, on_damage_},
                                 limits_);
  }

  static relation shape(const std::string& table, std::uint32_t oid = 0) {
    relation made;
    made.oid = oid;
    made.table = {"public", table};
    made.columns = {filters::testing::column_of("id", 25, true)};
    return made;
  }

  static cursor_key key(const std::string& name, const std::string& table = "jobs") {
    return {{"public", table}, name};
  }

  // Starts at the end of the log, or at `start`, as a new stream does.
  std::shared_ptr<recorder> open(const std::string& name, const std::string& table = "jobs",
                                 std::optional<position> start = {},
                                 requests::stream_mode mode = requests::stream_mode::stream) {
    return open(request(name, table, mode), shape(table), start.value_or(log_.bounds().last_at));
  }
  std::shared_ptr<recorder> open(const requests::stream_request& wanted, const relation& table,
                                 const position& start,
                                 std::shared_ptr<const table_facts> facts = nullptr) {
    auto to = std::make_shared<recorder>();
    hub_->open({wanted, {std::make_shared<const relation>(table), std::move(facts)}, start, to},
               [to](const result<filters::stream_id>& opened) {
                 if (!opened) {
                   to->refused = opened.error();
                 } else {
                   to->stream = *opened;
                 }
               });
    settle();
    return to;
  }
  static requests::stream_request request(
      const std::string& name, const std::string& table,
      requests::stream_mode mode = requests::stream_mode::stream) {
    requests::stream_request wanted;
    wanted.mode = mode;
    wanted.name = name;
    wanted.model = {"Row", table, "public", {{"id", "id", "String", false}}};
    wanted.wanted.create.emplace();
    wanted.wanted.update_after.emplace();
    wanted.wanted.remove.emplace();
    return wanted;
  }
  void close(const recorder& one) {
    hub_->close(one.stream);
    settle();
  }

  // Of the event that is appended as this one, counted from 1.
  static position place_of(std::uint32_t number) {
    return {1, lsn{1000 + number}, lsn{1000 + number}, 0};
  }

  void append(int count, const std::string& table = "jobs") {
    append_unread(count, table);
    settle();
  }
  // The hub has not come to read it.
  void append_unread(int count, const std::string& table = "jobs") {
    for (int i = 0; i < count; ++i) {
      const auto number = appended_ + 1;
      insert_unread(shape(table), place_of(number), {std::to_string(number)});
    }
  }
  // A row of all the table's columns.
  void insert_unread(const relation& table, const position& at,
                     const std::vector<std::optional<std::string>>& values) {
    const auto described = relations_.describe(table).value();
    const auto row = filters::testing::tuple_of(values);
    event_view event;
    event.at = at;
    event.id = make_event_id(1700000000000 + ++appended_, at.commit, 0);
    event.relation = described.version;
    event.table = described.table;
    event.action = change_action::create;
    event.after = tuple_view::trusted(as_byte_view(row));
    ASSERT_TRUE(log_.append(event));
    hub_->progress();
  }

  void acknowledge(const recorder& by, std::size_t index) {
    hub_->acknowledge(by.stream, *parse_event_id(by.ids.at(index)));
    settle();
  }
  void acknowledge_all(const recorder& by) {
    for (std::size_t i = 0; i < by.ids.size(); ++i) acknowledge(by, i);
  }

  void settle() {
    context_.restart();
    context_.poll();
  }

  // Time since the beginning, told to the hub once a second, as the server does.
  void pass_until(std::chrono::seconds time) {
    while (passed_ < time) {
      passed_ += std::chrono::seconds(1);
      hub_->tick(std::chrono::steady_clock::time_point(passed_));
    }
    settle();
  }

  static control::stored_gap accepted(control::stored_gap gap) {
    gap.accepted_at = unix_time_us{};
    return gap;
  }
  void use_gap(const control::stored_gap& gap) {
    hub_->use_gaps({gap});
    settle();
  }

  double figure(const std::string& name) {
    const auto text = figures_.render();
    const auto line = text.find("\n" + name + "{");
    return std::stod(text.substr(text.find("} ", line) + 2));
  }

  boost::asio::io_context context_;
  metrics figures_;
  log::memory_log log_;
  log::memory_relations relations_;
  cursors_in_memory cursors_;
  scripted_wall_clock clock_;
  stream_limits limits_;
  log::event_log* served_ = &log_;
  decltype(hub::parts::on_damage) on_damage_;
  std::unique_ptr<hub> hub_;
  std::chrono::seconds passed_{0};
  std::uint32_t appended_ = 0;
};

}  // namespace pulse::streams
