#include "rendering/frames.hpp"

#include "rendering/native_renderer.hpp"
#include "rendering/renderer.hpp"

namespace pulse::rendering {
namespace {

// Short texts take no memory of their own.
std::size_t kept_by(const std::string& text) {
  return text.capacity() <= std::string().capacity() ? 0 : text.capacity();
}

}  // namespace

frame_source::frame_source(requests::event_form form, requests::model wanted,
                           const log::relation_store& relations,
                           std::shared_ptr<frame_memory> memory)
    : form_(form),
      wanted_(std::move(wanted)),
      relations_(&relations),
      memory_(std::move(memory)),
      slots_(1) {
  memory_->add_source();
}

frame_source::~frame_source() {
  memory_->forget(this);
  memory_->remove_source();
}

result<std::string_view> frame_source::frame(const event_view& event) {
  auto& place = slots_[event.sequence % slots_.size()];
  if (place.sequence == event.sequence) return std::string_view(place.text);

  memory_->settle();
  const auto with = renderer_of(event.relation);
  if (!with) return with.error();
  kept_bytes_ -= kept_by(place.text);
  place.text.clear();
  place.sequence = event.sequence;
  (*with)->render(event, place.text);
  kept_bytes_ += kept_by(place.text);
  keep_within_share(&place);
  return std::string_view(place.text);
}

result<const event_renderer*> frame_source::renderer_of(relation_version version) {
  auto& known = renderers_[version];
  if (known) return known.get();
  auto definition = relations_->find(version);
  if (!definition) {
    return error{errc::corrupt,
                 "the log has an event of table version " + std::to_string(version) +
                     " and no definition of it",
                 "restore the file 'relations' beside the segments from a backup"};
  }
  if (form_ == requests::event_form::native) {
    known = std::make_unique<native_renderer>(std::move(definition));
  } else {
    known = std::make_unique<renderer>(wanted_, std::move(definition));
  }
  return known.get();
}

// Oldest first, about: the slots are in the order of the events.
void frame_source::keep_within_share(const slot* but) {
  for (std::size_t i = 0; i < slots_.size() && kept_bytes_ > memory_->share(); ++i) {
    auto& one = slots_[next_given_back_++ % slots_.size()];
    if (&one == but) continue;
    kept_bytes_ -= kept_by(one.text);
    one = {};
  }
  if (kept_bytes_ > memory_->share() && but != nullptr)
    memory_->owes(this, [this] { keep_within_share(nullptr); });
}

void frame_source::use_slots(std::size_t count) {
  slots_ = std::vector<slot>(count);
  kept_bytes_ = next_given_back_ = 0;
}

void frame_source::add_user() {
  if (++users_ == 2) use_slots(shared_frames);
}

void frame_source::remove_user() {
  if (--users_ == 1) use_slots(1);
}

}  // namespace pulse::rendering
