#include "base/error.hpp"

#include <stdexcept>

namespace pulse {

std::string_view to_string(errc code) noexcept {
  switch (code) {
    case errc::invalid_argument:
      return "invalid argument";
    case errc::not_found:
      return "not found";
    case errc::unauthorized:
      return "unauthorized";
    case errc::conflict:
      return "conflict";
    case errc::unavailable:
      return "unavailable";
    case errc::no_space:
      return "no space";
    case errc::io:
      return "i/o error";
    case errc::corrupt:
      return "corrupt";
    case errc::protocol:
      return "protocol violation";
    case errc::divergence:
      return "divergence";
    case errc::gap:
      return "gap";
    case errc::unsupported:
      return "unsupported";
    case errc::cancelled:
      return "cancelled";
  }
  return "unknown";
}

std::string error::message() const {
  return next.empty() ? what : what + "; " + next;
}

void throw_exception_from_error(const error& failure, const boost::source_location& /*where*/) {
  throw std::runtime_error(failure.message());
}

}  // namespace pulse
