#include "rendering/frames.hpp"

#include "rendering/native_renderer.hpp"
#include "rendering/renderer.hpp"

namespace pulse::rendering {

result<std::string_view> frame_source::frame(const event_view& event) {
  auto& place = slots_[event.sequence % slots_.size()];
  if (place.sequence == event.sequence) return std::string_view(place.text);

  auto found = renderers_.find(event.relation);
  if (found == renderers_.end()) {
    auto definition = relations_->find(event.relation);
    if (!definition) {
      return error{errc::corrupt,
                   "the log has an event of table version " + std::to_string(event.relation) +
                       " and no definition of it",
                   "restore the file 'relations' beside the segments from a backup"};
    }
    std::unique_ptr<const event_renderer> made;
    if (form_ == requests::event_form::native) {
      made = std::make_unique<native_renderer>(std::move(definition));
    } else {
      made = std::make_unique<renderer>(wanted_, std::move(definition));
    }
    found = renderers_.emplace(event.relation, std::move(made)).first;
  }
  if (place.text.capacity() > kept_bytes_max) place.text = {};
  place.text.clear();
  place.sequence = event.sequence;
  found->second->render(event, place.text);
  return std::string_view(place.text);
}

void frame_source::add_user() {
  if (++users_ == 2) slots_ = std::vector<slot>(shared_frames);
}

void frame_source::remove_user() {
  if (--users_ == 1) slots_ = std::vector<slot>(1);
}

}  // namespace pulse::rendering
