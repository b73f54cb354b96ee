// The log against kills and power cuts at any operation: nothing that was said to be durable is
// lost, nothing that was cut off comes back, and appending goes on.
#include <map>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/logging.hpp"
#include "log/segment_log.hpp"
#include "tests/support/fault_storage.hpp"
#include "tests/support/test_events.hpp"

namespace pulse::log {
namespace {

using pulse::testing::collect;
using pulse::testing::test_event;
using pulse::testing::text_tuple;
using testing::fault_disk;
using testing::open_disk;

constexpr int cuts_a_history = 25;

// One history of appends, marks and retention, interrupted again and again.
class history {
 public:
  explicit history(std::uint64_t seed) : chance_(seed), disk_(std::make_shared<fault_disk>()) {
    options_.segment_bytes = 4096U << pick(1, 4);
    options_.block_bytes_target = std::size_t{128} << pick(0, 5);
    options_.recent_bytes_max = pick(0, 1) * 4096;
    options_.codec = static_cast<compression>(pick(0, 2));
  }

  void run() {
    for (int round = 0; round < cuts_a_history; ++round) {
      std::shared_ptr<fault_disk> found;
      segment_log* live = nullptr;  // set while the log's thread is idle
      auto left = pick(0, 60);
      disk_->before_change = [&] {
        if (found || left-- > 0) return;
        found = chance_() % 2 == 0 ? disk_->after_power_cut(chance_) : disk_->after_kill();
        if (live != nullptr) remember(live->bounds());
      };
      {
        auto opened = segment_log::open(open_disk(disk_), options_);
        RC_ASSERT(opened.has_value());
        const auto log = std::move(opened).value();
        check(*log);
        if (!found) {
          remember(log->bounds());
          live = log.get();
          use(*log);
          first_ = log->bounds().first;
        }
      }
      disk_->before_change = nullptr;
      if (!found) {
        // Closed in order: all of it must be there.
        promised_ = {first_, appended_, mark_};
        found = disk_->after_power_cut(chance_);
      }
      disk_ = found;
    }
  }

 private:
  struct promise {
    event_sequence first = 1;
    event_sequence last = 0;
    lsn covered;
  };

  std::uint64_t pick(std::uint64_t low, std::uint64_t high) {
    return std::uniform_int_distribution<std::uint64_t>(low, high)(work_chance_);
  }

  void remember(const log_bounds& said) {
    promised_ = {std::max(promised_.first, said.first), std::max(promised_.last, said.last),
                 std::max(promised_.covered, said.covered_through)};
  }

  void check(segment_log& log) {
    const auto bounds = log.bounds();
    RC_ASSERT(bounds.last >= promised_.last);
    RC_ASSERT(bounds.first <= promised_.first);
    RC_ASSERT(bounds.covered_through >= promised_.covered);
    const auto events = collect(*log.read(position{}, 0));
    RC_ASSERT(events.size() == bounds.last + 1 - bounds.first);
    for (const auto& event : events) {
      RC_ASSERT(event.payload == rows_.at(event.sequence));
      RC_ASSERT(event.id == test_event(static_cast<std::uint32_t>(event.sequence)).view().id);
    }
    if (bounds.last != 0) {
      const auto newest = test_event(static_cast<std::uint32_t>(bounds.last));
      RC_ASSERT(bounds.last_at == newest.view().at);
      RC_ASSERT(bounds.last_id == newest.view().id);
    }
    if (bounds.first > 1) {
      const auto dropped = test_event(static_cast<std::uint32_t>(bounds.first - 1));
      RC_ASSERT(bounds.dropped_through == dropped.view().at);
    }
    if (bounds.covered_through) RC_ASSERT(bounds.last >= marks_.at(bounds.covered_through));
    appended_ = bounds.last;
    mark_ = bounds.covered_through;
  }

  void use(segment_log& log) {
    const auto steps = pick(1, 40);
    for (std::uint64_t step = 0; step < steps; ++step) {
      const auto what = pick(0, 9);
      if (what < 7) {
        for (auto more = pick(1, 12); more > 0; --more) append(log);
      } else if (what < 9) {
        mark_ = lsn{mark_.value + 1};
        marks_[mark_] = appended_;
        RC_ASSERT(log.cover(1, mark_).has_value());
      } else {
        retention_policy policy;
        policy.bytes_max = options_.segment_bytes * 3;
        RC_ASSERT(log.trim(policy, unix_time_us{}).has_value());
      }
      // Sometimes the writer gets ahead, so that there are many small writes and not one large.
      if (pick(0, 3) == 0) {
        while (log.bounds().pending_bytes != 0) std::this_thread::yield();
      }
    }
  }

  // Each attempt at the same number has other content: what was cut off must not come back.
  void append(segment_log& log) {
    ++appended_;
    auto& row = rows_[appended_];
    row = text_tuple({std::to_string(++attempt_), std::string(pick(0, 900), 'x')});
    auto event = test_event(static_cast<std::uint32_t>(appended_)).view();
    event.after = tuple_view::trusted(as_byte_view(row));
    RC_ASSERT(log.append(event).has_value());
  }

  fault_disk::random chance_;
  fault_disk::random work_chance_{chance_()};
  segment_log_options options_;
  std::shared_ptr<fault_disk> disk_;
  promise promised_;
  std::map<event_sequence, std::string> rows_;
  std::map<lsn, event_sequence> marks_;
  event_sequence appended_ = 0;
  event_sequence first_ = 1;
  lsn mark_;
  std::uint64_t attempt_ = 0;
};

TEST(power_cut, loses_nothing_durable_and_brings_nothing_back) {
  // A line for each of thousands of repairs helps nobody.
  configure_logging(log_level::error, log_format::text);
  EXPECT_TRUE(rc::check([] { history(*rc::gen::arbitrary<std::uint64_t>()).run(); }));
}

}  // namespace
}  // namespace pulse::log
