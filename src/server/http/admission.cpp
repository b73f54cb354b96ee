#include "server/http/admission.hpp"

#include "server/secret.hpp"

namespace pulse::server {

boost::system::result<caller, refusal> admit(server_context& context, surface where,
                                             const std::string& origin, const http_request& request,
                                             credential wanted) {
  auto who = authorize(context, request, wanted);
  if (who) return who;
  const bool presents_key = bearer_token(request.header("authorization")).has_value();
  // Each of the two addresses has its own count: a wrong API key locks no operator out.
  const auto attempts = (where == surface::admin ? "admin " : "streams ") + origin;
  const auto most = context.options.failed_keys_per_minute;
  const auto wait =
      presents_key ? context.key_failures.wait_for(attempts, most, context.now()) : std::nullopt;
  if (wait) {
    context.figures.refused_key_attempts.Increment();
    return refusal{429, pulse_code::unauthorized,
                   "too many wrong keys have come from your address lately",
                   "correct the key, and try again when retry-after has passed", *wait};
  }
  if (who.error().status != 401) return who;
  context.figures.refused_keys.Increment();
  if (presents_key) context.key_failures.refused(attempts, most, context.now());
  return who;
}

}  // namespace pulse::server
