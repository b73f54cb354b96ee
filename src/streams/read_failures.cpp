#include "streams/read_failures.hpp"

#include "base/logging.hpp"

namespace pulse::streams {

read_failures::read_failures(const hub::parts& with)
    : with_(&with), total_(with.figures->counter(metric::log_read_failures, with.project)) {}

void read_failures::note(std::string_view what_follows, const error& why,
                         const stream_state* stream) {
  total_.Increment();
  log_error("streams", what_follows,
            {{"project", with_->project},
             {"table", stream == nullptr ? "" : to_string(stream->table_of)},
             {"stream", stream == nullptr ? "" : stream->wanted.name},
             {"reason", why.message()}});
}

}  // namespace pulse::streams
