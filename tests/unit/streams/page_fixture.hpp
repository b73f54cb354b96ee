// Pages read from a log of small segments on a disk in memory, by way of a hub.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "log/memory_relations.hpp"
#include "log/readable_end.hpp"
#include "log/segment_log.hpp"
#include "streams/hub.hpp"
#include "streams/page_readers.hpp"
#include "tests/support/fault_storage.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/filters/filter_cases.hpp"

namespace pulse::streams {

// What an answer to one request was; nothing: it has not come.
struct asked_page {
  page_number number = 0;
  std::optional<page_result> answer;
};

// A log with tables of two text columns, `id` and `kind`.
class page_world {
 public:
  explicit page_world(const log::readable_end* deliverable = nullptr) {
    log::segment_log_options options;
    options.segment_bytes = 16384;
    options.block_bytes_target = 512;
    options.recent_bytes_max = 0;
    options.stepped.emplace();
    stored = log::segment_log::open(log::testing::open_disk(disk), options).value();
    hub::parts parts{context.get_executor(), stored.get(), &relations, nullptr, &figures, "shop"};
    parts.deliverable = deliverable;
    served = std::make_unique<streams::hub>(std::move(parts), stream_limits{});
  }

  static relation shape(const std::string& table) {
    relation made;
    made.table = {"public", table};
    made.columns = {filters::testing::column_of("id", 25, true),
                    filters::testing::column_of("kind", 25)};
    return made;
  }
  // `where`: as in a request for native events.
  static page_table wanted(const std::string& table, const std::string& create = "{}") {
    page_table one;
    one.wanted.form = requests::event_form::native;
    one.wanted.model = {table, table, "public", {}};
    one.wanted.wanted.create = boost::json::parse(create).as_object();
    one.wanted.wanted.remove.emplace();
    one.shape.definition = std::make_shared<const relation>(shape(table));
    return one;
  }
  static page_request request(std::vector<page_table> tables, const position& after = {}) {
    page_request made;
    made.tables = std::move(tables);
    made.after = after;
    made.events_max = 1000;
    return made;
  }
  static position place_of(std::uint64_t number) {
    return {1, lsn{1000 + number}, lsn{1000 + number}, 0};
  }
  static event_id id_of(std::uint64_t number) {
    return make_event_id(1700000000000 + number, place_of(number).commit, 0);
  }

  // The event with this number, which rises.
  void append(std::uint64_t number, const std::string& table, const std::string& kind = "a") {
    const auto described = relations.describe(shape(table)).value();
    const auto row = filters::testing::tuple_of({std::to_string(number), kind});
    event_view event;
    event.at = place_of(number);
    event.id = id_of(number);
    event.relation = described.version;
    event.table = described.table;
    event.action = change_action::create;
    event.after = tuple_view::trusted(as_byte_view(row));
    ASSERT_TRUE(stored->append(event));
    while (stored->step()) {
    }
  }
  void settle() {
    context.restart();
    context.poll();
  }
  // What was appended is told of.
  void progress() {
    served->progress();
    settle();
  }

  std::shared_ptr<asked_page> ask(page_request request) {
    auto asked = std::make_shared<asked_page>();
    asked->number = served->pages().read(std::move(request), [asked](page_result answer) {
      EXPECT_FALSE(asked->answer) << "answered twice";
      asked->answer = std::move(answer);
    });
    settle();
    return asked;
  }
  // The page of a request that does not wait.
  page_result read(page_request request) {
    const auto asked = ask(std::move(request));
    if (!asked->answer) throw std::runtime_error("no answer");
    return std::move(*asked->answer);
  }

  static std::vector<std::uint64_t> numbers(const event_page& page) {
    std::vector<std::uint64_t> all;
    std::size_t begin = 0;
    for (const auto& one : page.events) {
      const auto event =
          boost::json::parse(std::string_view(page.events_json).substr(begin, one.end - begin));
      begin = one.end;
      EXPECT_EQ(event.at("id").as_string(), to_string(one.id));
      EXPECT_EQ(event.at("table").as_string(), one.of->table.name);
      all.push_back(std::stoull(std::string(event.at("after").at("id").as_string())));
    }
    EXPECT_EQ(begin, page.events_json.size());
    return all;
  }

  static control::stored_gap gap(std::uint64_t id, const position& after,
                                 const std::optional<position>& through) {
    control::stored_gap one;
    one.id = id;
    one.what.kind = gap_kind::slot_missing;
    one.what.after = after;
    one.what.through = through;
    return one;
  }

  std::shared_ptr<log::testing::fault_disk> disk = std::make_shared<log::testing::fault_disk>();
  boost::asio::io_context context;
  metrics figures;
  log::memory_relations relations;
  std::unique_ptr<log::segment_log> stored;
  std::unique_ptr<streams::hub> served;
};

}  // namespace pulse::streams
