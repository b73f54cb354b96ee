// Expected failures: what a function reports, and how its callers pass it on.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>

namespace pulse {

// Kinds of expected failure: what a caller may decide on. Everything else about a failure is text
// for people.
enum class errc {
  invalid_argument,  // the caller's input is wrong: it must be changed before trying again
  not_found,         // the named thing does not exist
  unauthorized,      // the key or the role may not do this
  conflict,          // it exists already, or somebody else holds it
  unavailable,       // the other side cannot be reached now: trying again later may help
  no_space,          // the disk is full: works again when there is room
  io,                // the operating system refused: final for this process
  corrupt,           // bytes that were read are not what was written
  protocol,          // the other side said something that its protocol does not allow
  divergence,        // stored history and the server's history are not the same history
  gap,               // something between what is stored and what the server still has is gone
  unsupported,       // understood, and not built
  cancelled,         // ended on request
};

std::string_view to_string(errc code) noexcept;

// An expected failure. `what` says what happened and where; `next` what to do about it (may be
// empty when `what` leaves no question). Neither ever holds a password, a key or row data.
struct [[nodiscard]] error {
  errc code = errc::io;
  std::string what;
  std::string next = {};

  // "what; next", as one line for logs and terminals.
  std::string message() const;
};

// A value or the reason why there is none.
template <class T = void>
using result = boost::system::result<T, error>;

// Prepends what was being done to what went wrong.
inline error wrap(std::string_view doing, error cause) {
  cause.what = std::string(doing) + ": " + cause.what;
  return cause;
}

// Called by result::value() on an error: only start-up code, where an exception may end the
// program, does that.
[[noreturn]] void throw_exception_from_error(const error& failure,
                                             const boost::source_location& where);

}  // namespace pulse
