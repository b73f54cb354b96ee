// The whole path of a change on scripted time: a database that exists only as its history, the real
// decoder, ingestor, log on real files and hub, consumers that acknowledge, stall, leave and come
// back, and a process that ends at any moment. A run is a function of its seed:
// PULSE_SIMULATION_SEED=N repeats one, PULSE_SIMULATION_RUNS=N does more of them.
#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "capture/ingestor.hpp"
#include "capture/streamed_transactions.hpp"
#include "log/relation_file.hpp"
#include "log/segment_log.hpp"
#include "pgoutput/decoder.hpp"
#include "streams/hub.hpp"
#include "tests/simulation/fake_database.hpp"
#include "tests/simulation/fake_walsender.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pulse::simulation {
namespace {

namespace json = boost::json;

// Cursors survive the process, as they do in SQLite.
class kept_cursors final : public streams::cursor_store {
 public:
  void open(const streams::cursor_key& key, position initial, opened done) override {
    done(cursors.try_emplace(key, initial).first->second);
  }
  void save(std::vector<saved_cursor> moved, saved done) override {
    for (const auto& one : moved) cursors.insert_or_assign(one.key, one.at);
    done(std::vector<streams::cursor_key>());
  }
  void mark_abandoned(const streams::cursor_key& /*key*/, bool /*abandoned*/) override {}
  void remove(const streams::cursor_key& /*key*/) override {}
  std::map<streams::cursor_key, position> cursors;
};

// A consumer of one table under one name, with what it has seen in all its connections.
struct consumer {
  class connection final : public streams::subscriber {
   public:
    explicit connection(consumer& of) : of_(&of) {}
    void send(const event_id& /*id*/, std::string_view event_json) override {
      of_->receive(event_json);
    }
    std::size_t unsent_bytes() const override { return of_->congested ? std::size_t{1} << 30U : 0; }
    void end(streams::end_reason /*reason*/, std::string_view message) override {
      of_->ended = message;
    }

   private:
    consumer* of_;
  };

  void connection_ended() {
    open.reset();
    owed.insert(in_hand.begin(), in_hand.end());
    in_hand.clear();
  }

  void receive(std::string_view event_json) {
    const auto event = json::parse(event_json).as_object();
    const auto id = std::string(event.at("id").as_string());
    const auto* row = event.if_contains("created");
    if (row == nullptr) row = event.if_contains("after");
    if (row == nullptr) row = event.if_contains("deleted");
    if (native && row->is_null()) row = &event.at("before");
    if (row->is_null()) row = nullptr;
    // A TRUNCATE has no row, and so no key but its id.
    const auto key = row == nullptr ? id : std::string(row->at("id").as_string());
    const auto [known, is_first] = ids.emplace(key, id);
    // What comes again has the id it had.
    if (!is_first && known->second != id)
      problems.push_back(key + " came as " + known->second + " and as " + id);
    if (is_first)
      order.push_back(row == nullptr ? std::string(event.at("action").as_string()) : key);
    // Within a connection nothing comes twice, and ids rise.
    if (!in_connection.insert(id).second) problems.push_back(id + " came twice on one connection");
    if (id <= last_id) problems.push_back(id + " came after " + last_id);
    last_id = id;
    owed.erase(id);
    in_hand.push_back(id);
  }

  std::uint32_t table = 0;
  std::string name;
  bool native = false;  // and so hears of truncates
  bool congested = false;
  std::shared_ptr<connection> open;
  filters::stream_id stream{};
  std::deque<std::string> in_hand;  // received, not acknowledged
  std::set<std::string> owed;       // not acknowledged when a connection ended: must come again
  std::set<std::string> in_connection;
  std::string last_id;
  std::map<std::string, std::string> ids;
  std::vector<std::string> order;
  std::vector<std::string> problems;
  std::string ended;
};

requests::model model_of(std::uint32_t table) {
  requests::model made;
  made.name = made.table = fake_database::name(table).name;
  for (const auto* column : {"id", "value"})
    made.fields.push_back({column, column, "String", false});
  return made;
}

// What ends with the process.
struct process {
  process(const std::filesystem::path& directory, kept_cursors& cursors) {
    log::segment_log_options options;
    options.segment_bytes = std::uint64_t{64} << 10U;
    options.block_bytes_target = std::size_t{2} << 10U;
    options.recent_bytes_max = std::uint64_t{16} << 10U;
    relation_files = log::open_directory(directory / "tables").value();
    relations = log::relation_file::open(*relation_files).value();
    events =
        log::segment_log::open(log::open_directory(directory / "log").value(), options).value();
    streams::stream_limits limits;
    limits.window_events_max = 16;
    streams = std::make_unique<streams::hub>(
        streams::hub::parts{context.get_executor(), events.get(), relations.get(), &cursors,
                            &figures, "simulated"},
        limits);
    ingest = std::make_unique<capture::ingestor>("shop", *events, *relations, figures);
    spill = log::spill_area::open(log::open_directory(directory / "spill").value()).value();
    streamed = std::make_unique<capture::streamed_transactions>(*spill, figures, "shop");
    decode = std::make_unique<pgoutput::decoder>(*ingest, streamed.get());
    streamed->replay_to(*decode);
  }

  void settle() {
    streams->progress();
    context.restart();
    context.poll();
  }
  void wait_durable() const {
    testing::wait_until([&] { return events->bounds().pending_bytes == 0; });
  }

  boost::asio::io_context context;
  metrics figures;
  type_catalog types;
  std::unique_ptr<log::storage> relation_files;
  std::unique_ptr<log::relation_store> relations;
  std::unique_ptr<log::event_log> events;
  std::unique_ptr<streams::hub> streams;
  std::unique_ptr<capture::ingestor> ingest;
  std::unique_ptr<log::spill_area> spill;
  std::unique_ptr<capture::streamed_transactions> streamed;
  std::unique_ptr<pgoutput::decoder> decode;
  std::unique_ptr<fake_walsender> sender;
  lsn confirmed;
};

class simulation {
 public:
  explicit simulation(std::uint64_t seed) : random_(seed), database_(seed * 31 + 7) {
    for (std::uint32_t i = 0; i < 5; ++i) {
      consumer one;
      one.table = i % fake_database::table_count;
      one.name = "c" + std::to_string(i);
      one.native = i % 2 == 0;
      consumers_.push_back(std::move(one));
    }
    start_process();
    // Cursors stand before the first row.
    for (auto& one : consumers_) connect(one);
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) step();
    finish();
  }

 private:
  std::uint64_t pick(std::uint64_t from, std::uint64_t to) {
    return std::uniform_int_distribution<std::uint64_t>(from, to)(random_);
  }

  void start_process() {
    process_ = std::make_unique<process>(directory_.path(), cursors_);
    connect_source();
  }

  void connect_source() {
    // The server knows what was confirmed, which is at most what is durable; Pulse starts where its
    // log says.
    const auto covered = process_->events->bounds().covered_through;
    ASSERT_GE(covered, confirmed_);
    process_->sender = std::make_unique<fake_walsender>(database_, covered, random_());
    process_->ingest->start({1});
    process_->ingest->use_types(process_->types);
    process_->decode->reset();
    ASSERT_TRUE(process_->streamed->reset());
  }

  // One portion of a transaction that was streamed and has committed.
  void replay() {
    const auto replayed = process_->streamed->replay(pick(1, 300), [] { return false; });
    ASSERT_TRUE(replayed) << replayed.error().message();
  }

  void deliver_from_source(std::uint64_t messages) {
    wal_message message;
    for (std::uint64_t i = 0; i < messages; ++i) {
      if (process_->streamed->replaying()) {
        replay();
        continue;
      }
      if (!process_->sender->next(message)) break;
      const auto decoded = process_->decode->decode(message.wal_start, as_byte_view(message.bytes));
      ASSERT_TRUE(decoded) << decoded.error().message();
    }
    if (pick(1, 3) == 1) process_->wait_durable();
    confirmed_ = std::max(confirmed_, process_->events->bounds().covered_through);
  }

  void connect(consumer& one) {
    if (one.open) return;
    one.in_connection.clear();
    one.last_id.clear();
    one.ended.clear();
    one.open = std::make_shared<consumer::connection>(one);
    requests::stream_request wanted;
    wanted.name = one.name;
    wanted.model = model_of(one.table);
    wanted.wanted = {json::object(), json::object(), json::object()};
    if (one.native) wanted.form = requests::event_form::native;
    const table_shape shape{std::make_shared<const relation>(fake_database::definition(one.table)),
                            nullptr};
    process_->streams->open({wanted, shape, position{}, one.open},
                            [&one](const result<filters::stream_id>& opened) {
                              ASSERT_TRUE(opened) << opened.error().message();
                              one.stream = *opened;
                            });
    process_->settle();
  }

  void disconnect(consumer& one) {
    if (!one.open) return;
    process_->streams->close(one.stream);
    one.connection_ended();
  }

  void acknowledge(consumer& one) {
    if (!one.open || one.in_hand.empty()) return;
    const auto at = pick(1, 4) == 1 ? pick(0, one.in_hand.size() - 1) : 0;
    const auto id = one.in_hand[at];
    one.in_hand.erase(one.in_hand.begin() + static_cast<std::ptrdiff_t>(at));
    process_->streams->acknowledge(one.stream, *parse_event_id(id));
  }

  // As SIGKILL has it: nothing more is done; what the log's thread has not written yet may or may
  // not be there.
  void crash() {
    for (auto& one : consumers_) {
      if (one.open) one.connection_ended();
    }
    process_.reset();
    start_process();
  }

  void step() {
    auto& one = consumers_[pick(0, consumers_.size() - 1)];
    switch (pick(0, 15)) {
      case 0:
      case 1:
        database_.commit();
        break;
      case 2:
      case 3:
      case 4:
        deliver_from_source(pick(1, 30));
        break;
      case 5:
        connect(one);
        break;
      case 6:
        disconnect(one);
        break;
      case 7:
        one.congested = !one.congested;
        if (!one.congested && one.open) process_->streams->writable(one.stream);
        break;
      case 8:
        if (pick(1, 4) == 1) connect_source();
        break;
      case 9:
        if (pick(1, 12) == 1) crash();
        break;
      default:
        for (auto n = pick(1, 10); n > 0; --n) acknowledge(one);
    }
    process_->settle();
  }

  // Everybody comes back and takes everything.
  void finish() {
    for (auto& one : consumers_) {
      one.congested = false;
      connect(one);
      process_->streams->writable(one.stream);
    }
    deliver_from_source(1'000'000);
    process_->wait_durable();
    for (int idle = 0; idle < 3;) {
      process_->settle();
      bool moved = false;
      for (auto& one : consumers_) {
        while (!one.in_hand.empty()) {
          acknowledge(one);
          moved = true;
        }
      }
      idle = moved ? 0 : idle + 1;
    }
    if (!database_.history().empty()) {
      const auto end = database_.history().back().end;
      testing::wait_until([&] { return process_->events->bounds().covered_through == end; });
    }
    for (const auto& one : consumers_) {
      std::vector<std::string> expected;
      for (const auto& transaction : database_.history()) {
        for (const auto& row : transaction.rows) {
          if (std::ranges::find(row.tables, one.table) == row.tables.end()) continue;
          if (row.action != change_action::truncate) {
            expected.push_back(row.key);
          } else if (one.native) {
            expected.emplace_back("truncate");
          }
        }
      }
      EXPECT_EQ(one.order, expected) << "consumer " << one.name;
      EXPECT_EQ(one.problems, std::vector<std::string>()) << "consumer " << one.name;
      EXPECT_EQ(one.owed, std::set<std::string>()) << "consumer " << one.name;
      EXPECT_EQ(one.ended, "");
    }
  }

  std::mt19937_64 random_;
  fake_database database_;
  testing::temporary_directory directory_;
  kept_cursors cursors_;
  std::vector<consumer> consumers_;
  std::unique_ptr<process> process_;
  lsn confirmed_;
};

TEST(path, every_committed_row_reaches_every_consumer_once_in_order_and_again_only_with_its_id) {
  const auto given = pulse::testing::number_from_environment("PULSE_SIMULATION_SEED", 0);
  const auto runs =
      given != 0 ? 1 : pulse::testing::number_from_environment("PULSE_SIMULATION_RUNS", 40);
  const auto base = given != 0 ? given : std::random_device()();
  for (std::uint64_t i = 0; i < runs && !HasFailure(); ++i) {
    SCOPED_TRACE("PULSE_SIMULATION_SEED=" + std::to_string(base + i));
    simulation(base + i).run(1500);
  }
}

}  // namespace
}  // namespace pulse::simulation
