// A lease: who has a stream's name without a connection.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/system/result.hpp>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "change/event_id.hpp"
#include "filters/filter_index.hpp"
#include "streams/hub.hpp"
#include "streams/lease_text.hpp"

namespace pulse::streams {

class lease_batch;
struct pull;

// Limits of one project's leases, and of what one pull may ask for.
struct lease_limits {
  std::size_t leases_max = 10'000;  // those that are over and may still be acknowledged included
  std::size_t batch_events_max = 1000;
  std::size_t batch_bytes_max = std::size_t{8} << 20U;
  // Of all batches that are being gathered, or not answered with yet. Above it a batch is cut
  // short; each may have one event.
  std::size_t gathered_bytes_max = std::size_t{64} << 20U;
  std::chrono::seconds wait_max{55};
  std::chrono::seconds length_min{1};
  std::chrono::seconds length_max{12 * 3600};
};

// Why a pull or an acknowledgement is refused.
enum class lease_problem {
  busy,      // somebody else has the name
  fenced,    // the lease is over, and somebody else may have been served; nothing has moved
  replaced,  // another pull came with the same token
  failed,    // as the error says
};

struct lease_refusal {
  lease_problem what = lease_problem::failed;
  error why;
  std::optional<name_holder> holder = {};       // of a busy name
  std::optional<control::stored_gap> gap = {};  // that the stream has reached
};

template <class T>
using lease_result = boost::system::result<T, lease_refusal>;

// What its holder has processed: these events, and of the batch all through this one.
struct lease_acknowledgement {
  std::optional<event_id> through = {};
  std::vector<event_id> ids = {};
};

// Internal to streams/.
struct lease {
  cursor_key key;
  std::string token_hash;
  unix_time_us since{};
  std::chrono::seconds length{};
  // Over at whichever comes first: a clock that jumps shortens a lease and never lengthens it.
  unix_time_us expires_at{};
  std::chrono::steady_clock::time_point deadline{};
  std::vector<outstanding_event> outstanding;  // rising

  bool stored = false;     // its holder may know the token
  bool over = false;       // a late acknowledgement counts while hub::turn() is still `turn`
  std::uint64_t turn = 0;  // hub::turn() when it was over

  // The hub's stream, which stays open between two pulls. Null: it is not open.
  std::shared_ptr<lease_batch> batch;
  filters::stream_id stream{};
  std::string asked;              // the table and the filter that it was opened for
  bool has_lost_events = false;   // it has brought events that were not handed out
  std::shared_ptr<pull> waiting;  // under way

  void renew(const clock_source& clock, std::chrono::seconds for_so_long) {
    expires_at = clock.now() + for_so_long;
    deadline = clock.steady_now() + for_so_long;
  }
  bool has_expired(const clock_source& clock) const {
    return clock.steady_now() >= deadline || clock.now() >= expires_at;
  }
};

// The batch is handed out. What it has passed and not brought is not wanted any more: all of that,
// if it ends where nothing more is stored. `repeated`: those that were handed out before. All rise.
void hand_out(std::vector<outstanding_event>& outstanding, const std::vector<event_id>& batch,
              bool at_end, std::vector<outstanding_event>& repeated);
// It was not, after all.
void take_back(std::vector<outstanding_event>& outstanding, const std::vector<event_id>& batch);

}  // namespace pulse::streams
