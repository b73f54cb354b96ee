#include "tests/simulation/scripted_server.hpp"

#include <algorithm>

#include "base/bytes.hpp"

namespace pulse::simulation {

scripted_server::scripted_server(std::uint64_t seed)
    : random_(seed), database_(random_(), fake_database::truncates::none) {}

source::server_identity scripted_server::identity() const {
  return {"7000000000000000001", 16384, "simulated", database_.wal_end(), database_.branches()};
}

std::optional<source::slot_facts> scripted_server::slot() const {
  if (!slot_) return std::nullopt;
  source::slot_facts facts;
  facts.plugin = "pgoutput";
  facts.database = "simulated";
  facts.confirmed_flush = slot_->confirmed;
  facts.lost = slot_->lost;
  facts.active = lingers_;
  return facts;
}

lsn scripted_server::create_slot() {
  const auto here = database_.wal_end();
  slot_ = replication_slot{here, here};
  return here;
}

void scripted_server::start_streaming(lsn from) {
  auto published = fake_walsender::publication(fake_database::table_count, true);
  published.back() = last_table_published_;
  sender_.emplace(database_, std::max(from, slot_->confirmed), random_(), std::move(published));
}

std::optional<std::string> scripted_server::next() {
  wal_message message;
  if (!sender_ || !sender_->next(message)) return std::nullopt;
  std::string bytes = "w";
  append_big(bytes, message.wal_start.value);
  append_big(bytes, database_.wal_end().value);
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
  if (sender_ && slot_) slot_->confirmed = std::max(slot_->confirmed, flushed);
}

void scripted_server::linger() {
  lingers_ = streaming();
  cut();
}

void scripted_server::checkpoint() {
  if (slot_) slot_->on_disk = slot_->confirmed;
}

void scripted_server::restart() {
  cut();
  let_go();
  if (slot_) slot_->confirmed = slot_->on_disk;
}

void scripted_server::alter_publication() {
  last_table_published_ = !last_table_published_;
}

void scripted_server::drop_slot() {
  cut();
  let_go();
  if (slot_) ++harms_;
  slot_.reset();
}

void scripted_server::lose_slot() {
  cut();
  let_go();
  if (!slot_ || slot_->lost) return;
  slot_->lost = true;
  ++harms_;
}

void scripted_server::let_somebody_else_read() {
  cut();
  if (!slot_) return;
  slot_->confirmed = slot_->on_disk = database_.wal_end();
  ++harms_;
}

void scripted_server::promote(std::size_t kept, bool with_slot) {
  cut();
  database_.promote(kept);
  take_over(with_slot);
}

void scripted_server::promote_sibling(std::size_t kept, bool with_slot) {
  cut();
  database_.promote_sibling(kept);
  take_over(with_slot);
}

void scripted_server::take_over(bool with_slot) {
  let_go();
  ++harms_;
  if (!slot_) return;
  if (!with_slot) {
    slot_.reset();
    ++harms_;
    return;
  }
  const auto fork = database_.branches().left.back().switch_point;
  slot_->confirmed = std::min(slot_->confirmed, fork);
  slot_->on_disk = std::min(slot_->on_disk, slot_->confirmed);
}

}  // namespace pulse::simulation
