// `pulse dev`: a database, a server and its events on the terminal, all removed at the end.
#pragma once

#include "config/config.hpp"

namespace pulse::commands {

struct dev_options {
  bool throwaway = false;  // a database of its own also where the settings name one
  bool json = false;       // one JSON text a line
};

// Runs until Ctrl-C, SIGTERM or the terminal's end. Takes the only project's database, or starts a
// throwaway one when it has none. State is in a temporary folder. Gives the exit code: 0 after an
// orderly end, 1 when it could not start or something is left; says on standard error what.
// `variables` answers for the environment.
int run_dev(config::server_config config, const dev_options& options,
            const config::environment& variables);

}  // namespace pulse::commands
