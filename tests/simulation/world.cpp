#include "tests/simulation/world.hpp"

#include <algorithm>
#include <utility>

#include "base/clock.hpp"

namespace pulse::simulation {

using log::testing::fault_disk;

namespace {

// The last of each table's has none.
constexpr std::uint64_t streams_per_table = 3;
constexpr std::uint64_t unlimited = std::uint64_t{1} << 40U;

std::vector<std::uint32_t> tables_of_consumers() {
  std::vector<std::uint32_t> tables;
  for (std::uint32_t table = 0; table < scripted_server::watched_tables; ++table)
    tables.insert(tables.end(), streams_per_table, table);
  return tables;
}

}  // namespace

namespace {

// Retention by age has no part in a run.
class standing_clock final : public clock_source {
 public:
  unix_time_us now() const override { return {}; }
  std::chrono::steady_clock::time_point steady_now() const override { return {}; }
};

const standing_clock no_time;

}  // namespace

log::segment_log_options world::small_segments() {
  log::segment_log_options options;
  options.segment_bytes = std::uint64_t{4096} << pick(1, 3);
  options.block_bytes_target = std::size_t{256} << pick(0, 3);
  options.recent_bytes_max = pick(0, 1) * 8192;
  options.clock = &no_time;
  options.codec = chance(2) ? log::compression::lz4 : log::compression::none;
  return options;
}

world::world(std::uint64_t seed, plant bug)
    : random_(seed),
      bug_(bug),
      options_(small_segments()),
      server_(random_()),
      store_(control::state_store::open(":memory:", system_clock_source()).value()),
      judge_(server_, options_, tables_of_consumers()),
      disk_(std::make_shared<fault_disk>()),
      spill_disk_(std::make_shared<fault_disk>()) {
  options_.on_fatal = [](const error&) { throw process_died{}; };
  options_.stepped.emplace([this] { return wait_for_room(); });
  for (const auto table : tables_of_consumers()) {
    const auto number = consumers_.size();
    const bool named = number % streams_per_table != streams_per_table - 1;
    consumers_.emplace_back(
        table, named ? "c" + std::to_string(number) : "", bug,
        [this, number](const auto& event) {
          judge_.delivered(number, event.key, event.id);
          look_at_visibility(event.key);
        },
        [this, number](const auto& event) { judge_.acknowledged(number, event.key); });
  }
  faults_ = false;
  start_process();
  // Every cursor stands before the first row.
  for (std::size_t i = 0; i < consumers_.size(); ++i) connect(i);
  while (state_->step()) settle();
  faults_ = true;
}

std::uint64_t world::pick(std::uint64_t from, std::uint64_t to) {
  return std::uniform_int_distribution<std::uint64_t>(from, to)(random_);
}

std::string world::run(int steps) {
  for (int i = 0; i < steps && !done(); ++i) {
    guarded([this] { step(); });
    look_at_consumers();
  }
  if (!done()) finish();
  return judge_.problem();
}

void world::guarded(const std::function<void()>& work) {
  try {
    work();
    if (found_) throw process_died{};
  } catch (const process_died& how) {
    bury(how);
    while (!process_ && !done()) start_process();
  }
}

void world::bury(const process_died& how) {
  judge_.note("the process dies");
  if (!how.unexpectedly.empty()) judge_.report(how.unexpectedly);
  for (auto& one : consumers_) one.disconnect(false);
  server_.cut();
  // What the store has not done yet is lost with the process, and holds parts of it.
  state_.reset();
  process_.reset();
  disk_ = found_ ? std::exchange(found_, nullptr) : disk_->after_kill();
  spill_disk_ = spill_disk_->after_kill();
  disk_->capacity = spill_disk_->capacity = unlimited;
}

void world::start_process() {
  judge_.use_disk(disk_);
  state_ = std::make_unique<simulated_state>(store_, [this](const auto& moved) {
    for (const auto& one : moved) {
      for (std::size_t i = 0; i < consumers_.size(); ++i) {
        if (consumers_[i].cursor() == one.key) judge_.cursor_saved(i, one.at);
      }
    }
  });
  if (faults_ && chance(3)) arm_disk();
  try {
    process_ = std::make_unique<simulated_process>(simulated_process::surroundings{
        &server_, &judge_, &store_, disk_, spill_disk_, options_, bug_, goes_on_, state_.get(),
        [this] { return step_goes_well(); }, chance(2), now_});
    if (faults_ && chance(3)) connect_unnamed_first();
  } catch (const process_died& how) {
    bury(how);
  }
}

void world::look_at_visibility(const std::string& key) {
  const auto writer = server_.database().writer_of(key);
  if (process_ && writer != 0 && process_->waits_for(writer) && !server_.database().sees(writer))
    judge_.report(key + " was delivered before its transaction was visible");
}

// Of a start: whatever is done by then, the next start finds.
bool world::step_goes_well() {
  if (!faults_) return true;
  const auto how = pick(0, 40);
  if (how == 0) throw process_died{};
  return how > 2;
}

// The process ends at one of the next operations that change the disk.
void world::arm_disk() {
  const bool power_cut = chance(2);
  disk_->before_change = [this, power_cut, left = pick(0, 40), disk = disk_.get()]() mutable {
    if (left-- > 0) return;
    judge_.note(power_cut ? "the power is cut" : "the process is killed");
    found_ = power_cut ? disk->after_power_cut(random_) : disk->after_kill();
    throw process_died{};
  };
}

bool world::wait_for_room() {
  if (faults_ && chance(4)) throw process_died{};
  if (chance(2)) disk_->capacity = unlimited;
  return false;
}

void world::look_at_consumers() {
  for (const auto& one : consumers_) {
    if (!one.problem().empty()) judge_.report(one.problem());
  }
}

void world::settle() {
  process_->settle();
}

void world::step() {
  calamities_.perhaps_undo();
  const auto what = pick(0, 99);
  if (what < 12) {
    if (!calamities_.may_commit()) return;
    server_.database().commit();
    judge_.committed();
  } else if (what < 60) {
    work();
  } else if (what < 90) {
    happens_to_consumer(pick(0, consumers_.size() - 1));
  } else if (what < 96) {
    happens_to_source();
  } else {
    happens_to_machine();
  }
  settle();
}

void world::work() {
  switch (pick(0, 9)) {
    case 0:
    case 1:
      if (process_->connected()) {
        for (auto n = pick(1, 30); n > 0; --n) process_->take_message(random_);
      } else {
        if (chance(2)) server_.let_go();
        process_->connect_source();
      }
      break;
    case 2:
      process_->step_log();
      break;
    case 3:
      if (process_->connected()) process_->take_keepalive(chance(3));
      break;
    case 4:
      if (process_->connected()) process_->keep_house(now_);
      break;
    case 5:
      state_->step();
      break;
    case 6:
    case 7:
      for (auto n = pick(1, 3); n > 0; --n) process_->ask_for_snapshot();
      break;
    case 8:
      server_.database().show_one(random_);
      if (chance(4)) process_->lose_question();
      break;
    default:
      now_ += std::chrono::milliseconds(pick(0, 6000));
      process_->time_passes(now_);
  }
}

void world::connect(std::size_t number) {
  auto& one = consumers_[number];
  if (one.named()) return one.connect(process_->streams(), {});
  const auto now = process_->now();
  judge_.begins_at(number, process_->connected() ? judge_.server_end() : now);
  one.connect(process_->streams(), now);
}

// Right after a start, and the server is ahead of what is stored.
void world::connect_unnamed_first() {
  server_.let_go();
  process_->connect_source();
  for (std::size_t i = 0; i < consumers_.size(); ++i) {
    if (!consumers_[i].named()) connect(i);
  }
  settle();
}

void world::happens_to_consumer(std::size_t number) {
  auto& one = consumers_[number];
  switch (pick(0, 9)) {
    case 0:
      if (one.connected()) one.disconnect(true);
      break;
    case 1:
      one.congest(chance(2));
      break;
    case 2:
    case 3:
    case 4:
      if (!one.connected()) connect(number);
      break;
    case 5:
    case 6:
    case 7:
      for (auto n = pick(1, 10); n > 0; --n) one.acknowledge(random_);
      break;
    default:
      for (auto n = pick(1, 10); n > 0; --n) one.deliver_acknowledgements(random_);
  }
}

void world::happens_to_source() {
  switch (pick(0, 13)) {
    case 0:
    case 1:
      server_.cut();
      break;
    case 2:
      server_.linger();
      break;
    case 3:
    case 4:
      server_.checkpoint();
      break;
    case 5:
    case 6:
      server_.restart();
      break;
    case 7:
    case 8:
      server_.alter_publication();
      break;
    case 9:
      process_->accept_gaps();
      break;
    default:
      calamities_.strike();
  }
}

void world::happens_to_machine() {
  switch (pick(0, 3)) {
    case 0:
    case 1:
      arm_disk();
      break;
    case 2:
      judge_.note("the disk begins to fail");
      disk_->syncs_fail = true;
      break;
    default:
      judge_.note("the disks are full");
      disk_->capacity = disk_->used_bytes() + pick(0, 20000);
      spill_disk_->capacity = spill_disk_->used_bytes() + pick(0, 500);
  }
}

void world::finish() {
  faults_ = false;
  guarded([this] {
    disk_->before_change = nullptr;
    server_.let_go();
    disk_->syncs_fail = false;
    disk_->capacity = spill_disk_->capacity = unlimited;
    for (auto& one : consumers_) one.congest(false);
    server_.database().show_all();
    for (int idle = 0; idle < 4 && !done();) {
      bool moved = false;
      process_->accept_gaps();
      if (!process_->connected()) process_->connect_source();
      while (process_->connected() && process_->take_message(random_)) moved = true;
      process_->take_keepalive(false);
      now_ += std::chrono::seconds(10);
      process_->keep_house(now_);
      while (process_->step_log()) {
      }
      process_->ask_for_snapshot();
      process_->ask_for_snapshot();
      for (std::size_t i = 0; i < consumers_.size(); ++i) {
        auto& one = consumers_[i];
        if (!one.connected()) connect(i);
        settle();
        while (state_->step()) settle();
        one.acknowledge(random_);
        while (one.deliver_acknowledgements(random_)) moved = true;
        moved = moved || !one.idle();
      }
      process_->time_passes(now_);
      while (state_->step()) settle();
      idle = moved ? 0 : idle + 1;
    }
    if (!done() && !process_->caught_up())
      judge_.report("capture has not caught up when nothing fails any more");
  });
  look_at_consumers();
  if (!done() && !std::ranges::all_of(consumers_, &simulated_consumer::opened))
    judge_.report("a stream does not open when nothing fails any more");
  if (!done()) judge_.at_rest();
}

}  // namespace pulse::simulation
