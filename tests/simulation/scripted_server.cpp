#include "tests/simulation/scripted_server.hpp"

#include <algorithm>
#include <utility>

#include "base/bytes.hpp"

namespace pulse::simulation {

scripted_server::scripted_server(std::uint64_t seed) : random_(seed) {
  clusters_.push_back({fake_database(random_(), fake_database::truncates::none)});
}

source::server_identity scripted_server::identity() const {
  return {std::to_string(7000000000000000001 + current_),
          16384 + static_cast<std::uint32_t>(current_), "simulated", database().wal_end(),
          database().branches()};
}

std::optional<source::slot_facts> scripted_server::slot() const {
  if (!own_slot()) return std::nullopt;
  source::slot_facts facts;
  facts.plugin = "pgoutput";
  facts.database = "simulated";
  facts.confirmed_flush = own_slot()->confirmed;
  facts.lost = own_slot()->lost;
  facts.active = lingers_;
  return facts;
}

lsn scripted_server::create_slot() {
  const auto here = database().wal_end();
  own_slot() = replication_slot{here, here, here};
  return here;
}

void scripted_server::start_streaming(lsn from) {
  auto published = fake_walsender::publication(fake_database::table_count, true);
  published.back() = last_table_published_;
  sender_.emplace(database(), std::max(from, own_slot()->confirmed), random_(),
                  std::move(published));
}

std::optional<std::string> scripted_server::next() {
  wal_message message;
  if (!sender_ || !sender_->next(message)) return std::nullopt;
  std::string bytes = "w";
  append_big(bytes, message.wal_start.value);
  append_big(bytes, database().wal_end().value);
  append_big(bytes, std::uint64_t{0});
  return bytes + message.bytes;
}

std::string scripted_server::keepalive(bool wants_reply) const {
  std::string bytes = "k";
  append_big(bytes, sent_through().value);
  append_big(bytes, std::uint64_t{0});
  bytes += wants_reply ? '\1' : '\0';
  return bytes;
}

void scripted_server::feedback(lsn flushed) {
  if (sender_ && own_slot()) own_slot()->confirmed = std::max(own_slot()->confirmed, flushed);
}

void scripted_server::linger() {
  lingers_ = streaming();
  cut();
}

void scripted_server::checkpoint() {
  if (own_slot()) own_slot()->on_disk = own_slot()->confirmed;
}

void scripted_server::restart() {
  cut();
  let_go();
  database().show_all();
  if (own_slot()) own_slot()->confirmed = own_slot()->on_disk;
}

void scripted_server::alter_publication() {
  last_table_published_ = !last_table_published_;
}

void scripted_server::drop_slot() {
  cut();
  let_go();
  if (own_slot()) ++harms_;
  own_slot().reset();
}

void scripted_server::lose_slot() {
  cut();
  let_go();
  if (!own_slot() || own_slot()->lost) return;
  own_slot()->lost = true;
  ++harms_;
}

void scripted_server::let_somebody_else_read() {
  cut();
  if (!own_slot()) return;
  own_slot()->confirmed = own_slot()->on_disk = database().wal_end();
  ++harms_;
}

void scripted_server::promote(std::size_t kept, bool with_slot) {
  cut();
  database().promote(kept);
  take_over(with_slot);
}

void scripted_server::promote_sibling(std::size_t kept, bool with_slot) {
  cut();
  database().promote_sibling(kept);
  take_over(with_slot);
}

void scripted_server::take_over(bool with_slot) {
  let_go();
  ++harms_;
  if (!own_slot()) return;
  if (!with_slot) {
    own_slot().reset();
    ++harms_;
    return;
  }
  const auto fork = database().branches().left.back().switch_point;
  own_slot()->confirmed = std::min(own_slot()->confirmed, fork);
  own_slot()->on_disk = std::min(own_slot()->on_disk, own_slot()->confirmed);
}

void scripted_server::switch_to(std::size_t number, std::size_t transactions) {
  cut();
  let_go();
  ++harms_;
  last_ = std::exchange(current_, number);
  for (std::size_t i = 0; i < transactions; ++i) database().commit();
  // Somebody else has its slot, and will let go of it.
  lingers_ = own_slot() && std::uniform_int_distribution<int>(0, 3)(random_) == 0;
}

void scripted_server::replace_by_new(std::size_t transactions, bool with_slot) {
  const lsn begin{fake_database::wal_begin.value +
                  std::uniform_int_distribution<std::uint64_t>(0, 3)(random_) * 0x2000};
  const auto name = std::string(1, static_cast<char>('a' + clusters_.size())) + ".";
  auto& made = clusters_.emplace_back(
      cluster{fake_database(random_(), fake_database::truncates::none, begin, name)});
  const auto before_slot = std::uniform_int_distribution<std::size_t>(0, transactions)(random_);
  for (std::size_t i = 0; i < before_slot; ++i) made.database.commit();
  const auto here = made.database.wal_end();
  if (with_slot) made.slot = replication_slot{here, here, here};
  switch_to(clusters_.size() - 1, transactions - before_slot);
}

bool scripted_server::return_to_former(std::size_t transactions) {
  if (clusters_.size() == 1) return false;
  const auto others = std::uniform_int_distribution<std::size_t>(1, clusters_.size() - 1)(random_);
  switch_to((current_ + others) % clusters_.size(), transactions);
  return true;
}

void scripted_server::return_to_last(std::size_t transactions) {
  switch_to(last_, transactions);
}

void scripted_server::set_back(std::size_t kept, std::optional<std::size_t> slot_at) {
  cut();
  let_go();
  ++harms_;
  auto stood = slot_at && *slot_at != 0 ? database().history()[*slot_at - 1].end : lsn{};
  database().set_back(kept);
  auto& slot = own_slot();
  if (!slot_at || (slot && slot->made > database().wal_end())) slot.reset();
  if (!slot) return;
  stood = std::min(std::max(stood, slot->made), database().wal_end());
  slot->confirmed = slot->on_disk = std::min(slot->confirmed, stood);
}

}  // namespace pulse::simulation
