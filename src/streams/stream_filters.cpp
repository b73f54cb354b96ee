#include "streams/stream_filters.hpp"

#include "base/logging.hpp"
#include "filters/native_filter.hpp"

namespace pulse::streams {

const filters::filter& stream_filters::of(relation_version version) {
  auto& place = compiled_[version];
  if (place) return *place;
  const auto definition = with_->relations->find(version);
  // Without a definition nothing is decided; rendering will say what is missing.
  const relation unknown{};
  place =
      filters::follow_wanted(*wanted_, {definition ? definition.get() : &unknown, facts_.get()});
  if (definition && !place->left_open().empty()) {
    log_warning("streams",
                "stream's filter does not fit its altered table: events that it cannot decide are "
                "delivered",
                {{"project", with_->project},
                 {"table", to_string(definition->table)},
                 {"stream", wanted_->name},
                 {"reason", place->left_open()}});
  }
  return *place;
}

}  // namespace pulse::streams
