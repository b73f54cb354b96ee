// What the log costs: appending until it is durable, reading one table of many, opening after a
// restart.
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <thread>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/logging.hpp"
#include "log/segment_log.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/test_events.hpp"

namespace pulse::log {
namespace {

constexpr std::uint64_t pending_bytes_max = std::uint64_t{32} << 20U;
constexpr std::uint32_t stored_events = 1'000'000;

// Events of one row of about 240 bytes in transactions of 100, of `tables` tables in turn. Half of
// a row is random hexadecimal, so that compression gets what applications give it.
class row_maker {
 public:
  explicit row_maker(table_id tables) : tables_(tables) {
    std::mt19937_64 random(42);
    for (auto& row : rows_) {
      std::string hex;
      while (hex.size() < 120) hex += fmt::format("{:016x}", random());
      row = testing::text_tuple({std::to_string(random() % 1000000), hex.substr(0, 120),
                                 "2024-05-28 10:11:12.131415",
                                 "a row as applications have them: some words, some numbers"});
    }
  }

  const event_view& next() {
    ++number_;
    const auto transaction = number_ / 100;
    event_.at = {1, lsn{1000 + transaction * 10000}, lsn{900 + number_ * 90}, 0};
    event_.id = make_event_id(1700000000000 + transaction, event_.at.commit,
                              static_cast<std::uint32_t>(number_ % 100));
    event_.committed_at = unix_time_us(std::chrono::milliseconds(1700000000000 + transaction));
    event_.relation = 1;
    event_.table = 1 + static_cast<table_id>(number_ / 1000 % tables_);
    event_.after = tuple_view::trusted(as_byte_view(rows_[number_ % rows_.size()]));
    return event_;
  }

 private:
  table_id tables_;
  std::array<std::string, 1009> rows_;
  std::uint64_t number_ = 0;
  event_view event_;
};

std::unique_ptr<segment_log> open_log(const std::filesystem::path& path,
                                      segment_log_options options) {
  return segment_log::open(open_directory(path).value(), std::move(options)).value();
}

void fill(segment_log& log, std::uint32_t count, table_id tables) {
  row_maker rows(tables);
  for (std::uint32_t n = 0; n < count; ++n) {
    if (!log.append(rows.next())) std::abort();
    if (n % 256 == 0) {
      while (log.bounds().pending_bytes > pending_bytes_max) {
        std::this_thread::sleep_for(std::chrono::microseconds(200));
      }
    }
  }
  testing::wait_until([&] { return log.bounds().last == count; });
}

// The appending thread's share alone: the writer works on another core.
void append(benchmark::State& state) {
  const testing::temporary_directory directory;
  const auto log = open_log(directory.path(), {});
  row_maker rows(3);
  for (auto _ : state) {
    benchmark::DoNotOptimize(log->append(rows.next()));
    if (log->bounds().pending_bytes < pending_bytes_max) continue;
    state.PauseTiming();
    testing::wait_until([&] { return log->bounds().pending_bytes == 0; });
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations());
}

// Everything, from the first append to the last event's durability.
void append_until_durable(benchmark::State& state) {
  segment_log_options options;
  options.codec = static_cast<compression>(state.range(0));
  for (auto _ : state) {
    const testing::temporary_directory directory;
    const auto log = open_log(directory.path(), options);
    fill(*log, stored_events, 3);
    state.counters["bytes_per_event"] =
        static_cast<double>(log->bounds().stored_bytes) / stored_events;
  }
  state.SetItemsProcessed(state.iterations() * stored_events);
}

// One event at a time: what a commit waits for.
void append_one_and_sync(benchmark::State& state) {
  const testing::temporary_directory directory;
  const auto log = open_log(directory.path(), {});
  row_maker rows(3);
  event_sequence last = 0;
  for (auto _ : state) {
    if (!log->append(rows.next())) std::abort();
    ++last;
    while (log->bounds().last < last) std::this_thread::yield();
  }
}

// A million events; the wanted table has all of them, or a hundredth.
void read_by_table(benchmark::State& state) {
  const testing::temporary_directory directory;
  const auto tables = static_cast<table_id>(state.range(0));
  {
    const auto log = open_log(directory.path(), {});
    fill(*log, stored_events, tables);
  }
  const auto log = open_log(directory.path(), {});
  for (auto _ : state) {
    const auto reader = log->read(position{}, 1);
    std::uint64_t events = 0;
    std::uint64_t bytes = 0;
    for (auto read = reader->next(); read && *read != nullptr; read = reader->next()) {
      ++events;
      bytes += (*read)->after.bytes().size();
    }
    benchmark::DoNotOptimize(bytes);
    state.counters["wanted"] = static_cast<double>(events);
  }
  state.SetItemsProcessed(state.iterations() * stored_events);
}

void recover(benchmark::State& state) {
  const testing::temporary_directory directory;
  {
    const auto log = open_log(directory.path(), {});
    fill(*log, stored_events, 3);
  }
  for (auto _ : state) benchmark::DoNotOptimize(open_log(directory.path(), {}));
}

BENCHMARK(append)->UseRealTime();
BENCHMARK(append_until_durable)
    ->ArgName("codec")
    ->Arg(0)
    ->Arg(1)
    ->Arg(2)
    ->UseRealTime()
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(append_one_and_sync)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(read_by_table)->ArgName("tables")->Arg(1)->Arg(100)->Unit(benchmark::kMillisecond);
BENCHMARK(recover)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace pulse::log

int main(int count, char** arguments) {
  pulse::configure_logging(pulse::log_level::warning, pulse::log_format::text);
  benchmark::Initialize(&count, arguments);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
