#include "streams/hub.hpp"

#include <utility>

#include "streams/hub_impl.hpp"

namespace pulse::streams {

hub::hub(parts with, stream_limits limits)
    : impl_(std::make_shared<impl>(std::move(with), limits)) {}
hub::~hub() = default;

void hub::open(stream_opening what, opened done) {
  impl_->open(std::move(what), std::move(done));
}
void hub::know(const known_cursor& cursor) {
  impl_->know(cursor);
}
void hub::use_history(const timelines& history) {
  impl_->use_history(history);
}
void hub::use_limits(const stream_limits& limits) {
  impl_->use_limits(limits);
}
void hub::acknowledge(filters::stream_id stream, const event_id& id) {
  impl_->acknowledge(stream, id);
}
std::optional<std::size_t> hub::acknowledge_through(filters::stream_id stream, const event_id& id) {
  return impl_->acknowledge_through(stream, id);
}
void hub::save(const cursor_key& key, std::optional<std::string> lease,
               std::function<void(result<void>)> done) {
  impl_->save(key, std::move(lease), std::move(done));
}
void hub::when_passed(filters::stream_id stream, const position& place,
                      std::function<void()> done) {
  impl_->when_passed(stream, place, std::move(done));
}
std::optional<stream_place> hub::place(filters::stream_id stream) const {
  return impl_->place(stream);
}
bool hub::reserve(const cursor_key& key, holder_kind kind, unix_time_us since) {
  return impl_->reserve(key, {kind, since});
}
void hub::release(const cursor_key& key) {
  impl_->release(key);
}
std::optional<name_holder> hub::holder(const cursor_key& key) const {
  return impl_->holder(key);
}
std::optional<cursor_key> hub::keep(filters::stream_id stream) {
  return impl_->keep(stream);
}
std::uint64_t hub::turn(const cursor_key& key) const {
  return impl_->turn(key);
}
void hub::acknowledge(const cursor_key& key, const event_id& id) {
  impl_->acknowledge(key, id);
}
std::vector<event_id> hub::acknowledged_ahead(const cursor_key& key) const {
  return impl_->acknowledged_ahead(key);
}
std::uint64_t hub::lag_bytes(const cursor_key& key) const {
  return impl_->lag_bytes(key);
}
void hub::writable(filters::stream_id stream) {
  impl_->writable(stream);
}
void hub::quiesce(filters::stream_id stream) {
  impl_->quiesce(stream);
}
void hub::close(filters::stream_id stream) {
  impl_->close(stream);
}
void hub::progress() {
  impl_->progress();
}
void hub::tick(std::chrono::steady_clock::time_point now) {
  impl_->tick(now);
}
void hub::forget(const cursor_key& key, std::string_view why) {
  impl_->forget(key, why);
}
hub::moved hub::move(const cursor_key& key, std::string_view why) {
  return impl_->move(key, why);
}
void hub::follow(const std::vector<table_rename>& renamed) {
  impl_->follow(renamed);
}
void hub::shut_down(end_reason reason, std::string_view message, std::function<void()> done) {
  impl_->shut_down(reason, message, std::move(done));
}
void hub::use_gaps(std::vector<control::stored_gap> gaps) {
  impl_->use_gaps(std::move(gaps));
}
std::optional<control::stored_gap> hub::gap_of(const cursor_key& key) const {
  return impl_->gap_of(key);
}
void hub::make_way(const position& through, std::function<void(bool)> done) {
  impl_->make_way(through, std::move(done));
}
void hub::look_for_expiry(const position& soon) {
  impl_->look_for_expiry(soon);
}
bool hub::knows(const cursor_key& key) const {
  return impl_->knows(key);
}
position hub::cursor(const cursor_key& key) const {
  return impl_->cursor(key);
}
cursor_condition hub::condition(const cursor_key& key, const position& at) const {
  return impl_->condition(key, at);
}
page_readers& hub::pages() {
  return impl_->pages();
}
std::vector<stream_status> hub::status() const {
  return impl_->status();
}

}  // namespace pulse::streams
