#include "num/ode.h"

#include <cvode/cvode.h>
#include <nvector/nvector_serial.h>
#include <sundials/sundials_context.h>
#include <sunlinsol/sunlinsol_dense.h>
#include <sunlinsol/sunlinsol_spgmr.h>
#include <sunmatrix/sunmatrix_dense.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/error.h"
#include "base/text.h"

namespace meso {
namespace {

struct Session {
  const OdeProblem* problem;
  std::size_t evaluations = 0;
  std::string message;
};

bool all_finite(std::span<const double> v) {
  return std::all_of(v.begin(), v.end(), [](double x) { return std::isfinite(x); });
}

std::span<const double> view(N_Vector v) { return {N_VGetArrayPointer(v), static_cast<std::size_t>(N_VGetLength(v))}; }
std::span<double> view_mutable(N_Vector v) { return {N_VGetArrayPointer(v), static_cast<std::size_t>(N_VGetLength(v))}; }

// A right-hand side that is not finite is a recoverable failure: the solver tries a smaller step.
int rhs(realtype t, N_Vector y, N_Vector dydt, void* data) {
  auto* session = static_cast<Session*>(data);
  ++session->evaluations;
  session->problem->rhs(t, view(y), view_mutable(dydt));
  return all_finite(view(dydt)) ? 0 : 1;
}

int jacobian(realtype t, N_Vector y, N_Vector, SUNMatrix j, void* data, N_Vector, N_Vector, N_Vector) {
  auto* session = static_cast<Session*>(data);
  const std::size_t n = session->problem->size;
  const std::span<double> out{SUNDenseMatrix_Data(j), n * n};
  session->problem->jacobian(t, view(y), out);
  return all_finite(out) ? 0 : 1;
}

int events(realtype t, N_Vector y, realtype* g, void* data) {
  auto* session = static_cast<Session*>(data);
  session->problem->events(t, view(y), {g, session->problem->n_events});
  return 0;
}

// The library prints nothing: what CVODE has to say is kept for the message.
void on_error(int, const char*, const char*, char* text, void* data) { static_cast<Session*>(data)->message = text; }

void check(int flag, const char* call) {
  if (flag < 0) throw Error(std::string("ODE solver: ") + call + " failed with " + std::to_string(flag));
}

struct Solver {
  SUNContext context = nullptr;
  N_Vector y = nullptr, absolute = nullptr, output = nullptr;
  SUNMatrix matrix = nullptr;
  SUNLinearSolver linear = nullptr;
  void* memory = nullptr;
  Solver() = default;
  Solver(const Solver&) = delete;
  Solver& operator=(const Solver&) = delete;
  ~Solver() {
    if (memory) CVodeFree(&memory);
    if (linear) SUNLinSolFree(linear);
    if (matrix) SUNMatDestroy(matrix);
    for (N_Vector v : {y, absolute, output})
      if (v) N_VDestroy(v);
    if (context) SUNContext_Free(&context);
  }
};

void check_input(const OdeProblem& problem, std::span<const double> y0, double t0, std::span<const double> times, const OdeOptions& options) {
  const std::size_t n = problem.size;
  if (n == 0 || !problem.rhs) throw Error("ODE problem without equations");
  if (y0.size() != n) throw Error("ODE initial state has " + std::to_string(y0.size()) + " components, the problem " + std::to_string(n));
  if (!all_finite(y0)) throw Error("ODE initial state is not finite");
  if (options.absolute.size() != 1 && options.absolute.size() != n) throw Error("ODE absolute tolerances: one, or one per component");
  if (!options.divergence.empty() && options.divergence.size() != n) throw Error("ODE divergence bounds: none, or one per component");
  if (!(options.relative > 0)) throw Error("ODE relative tolerance must be positive, not " + exact(options.relative));
  if (problem.n_events > 0 && !problem.events) throw Error("ODE problem with events but no event functions");
  double previous = t0;
  for (std::size_t k = 0; k < times.size(); ++k) {
    if (!std::isfinite(times[k]) || times[k] < previous || (k > 0 && times[k] == previous))
      throw Error("ODE output times must increase from t0 = " + exact(t0) + "; time " + std::to_string(k) + " is " + exact(times[k]));
    previous = times[k];
  }
}

}  // namespace

const char* to_text(OdeStatus status) {
  switch (status) {
    case OdeStatus::done: return "done";
    case OdeStatus::stopped: return "stopped";
    case OdeStatus::diverged: return "diverged";
    case OdeStatus::step_collapse: return "step collapse";
    case OdeStatus::too_many_steps: return "too many steps";
  }
  return "";
}

OdeSolution integrate(const OdeProblem& problem, std::span<const double> y0, double t0, std::span<const double> times, const OdeOptions& options) {
  check_input(problem, y0, t0, times, options);
  const std::size_t n = problem.size;
  OdeSolution solution;
  solution.t = t0;
  solution.last.assign(y0.begin(), y0.end());
  solution.path.assign(times.size() * n, std::numeric_limits<double>::quiet_NaN());
  const auto keep = [&](std::span<const double> y) {
    std::copy(y.begin(), y.end(), solution.path.begin() + static_cast<std::ptrdiff_t>(solution.reached++ * n));
  };
  if (!times.empty() && times[0] == t0) keep(y0);
  if (solution.reached == times.size()) return solution;

  std::vector<double> slope(n);
  problem.rhs(t0, y0, slope);
  if (!all_finite(slope)) throw Error("ODE right-hand side is not finite at the initial state");

  Session session{&problem, 0, {}};
  Solver s;
  check(SUNContext_Create(nullptr, &s.context), "SUNContext_Create");
  s.y = N_VNew_Serial(static_cast<sunindextype>(n), s.context);
  s.absolute = N_VClone(s.y);
  s.output = N_VClone(s.y);
  std::copy(y0.begin(), y0.end(), N_VGetArrayPointer(s.y));
  for (std::size_t i = 0; i < n; ++i) NV_Ith_S(s.absolute, static_cast<sunindextype>(i)) = options.absolute[options.absolute.size() == 1 ? 0 : i];
  s.memory = CVodeCreate(CV_BDF, s.context);
  if (s.memory == nullptr) throw Error("ODE solver: out of memory");
  check(CVodeSetErrHandlerFn(s.memory, on_error, &session), "CVodeSetErrHandlerFn");
  check(CVodeInit(s.memory, rhs, t0, s.y), "CVodeInit");
  check(CVodeSetUserData(s.memory, &session), "CVodeSetUserData");
  check(CVodeSVtolerances(s.memory, options.relative, s.absolute), "CVodeSVtolerances");
  if (!problem.jacobian && n > ode_matrix_free_from) {
    s.linear = SUNLinSol_SPGMR(s.y, SUN_PREC_NONE, 40, s.context);
  } else {
    s.matrix = SUNDenseMatrix(static_cast<sunindextype>(n), static_cast<sunindextype>(n), s.context);
    s.linear = SUNLinSol_Dense(s.y, s.matrix, s.context);
  }
  check(CVodeSetLinearSolver(s.memory, s.linear, s.matrix), "CVodeSetLinearSolver");
  if (problem.jacobian) check(CVodeSetJacFn(s.memory, jacobian), "CVodeSetJacFn");
  check(CVodeSetMaxHnilWarns(s.memory, -1), "CVodeSetMaxHnilWarns");
  check(CVodeSetMaxNumSteps(s.memory, -1), "CVodeSetMaxNumSteps");  // counted here, over all calls
  check(CVodeSetStopTime(s.memory, times.back()), "CVodeSetStopTime");
  if (options.first_step > 0) check(CVodeSetInitStep(s.memory, options.first_step), "CVodeSetInitStep");
  std::vector<int> roots(problem.n_events);
  std::vector<bool> seen(problem.n_events, false);
  if (problem.n_events > 0) {
    check(CVodeRootInit(s.memory, static_cast<int>(problem.n_events), events), "CVodeRootInit");
    std::vector<int> direction(problem.n_events, -1);
    check(CVodeSetRootDirection(s.memory, direction.data()), "CVodeSetRootDirection");
    check(CVodeSetNoInactiveRootWarn(s.memory), "CVodeSetNoInactiveRootWarn");
  }

  std::vector<double> previous(y0.begin(), y0.end());
  double t_previous = t0;
  std::size_t tiny = 0;
  const auto finish = [&](OdeStatus status) {
    solution.status = status;
    solution.evaluations = session.evaluations;
    solution.message = session.message;
    return solution;
  };
  while (true) {
    double t = 0;
    const int flag = CVode(s.memory, times.back(), s.y, &t, CV_ONE_STEP);
    if (flag < 0) {
      CVodeGetCurrentTime(s.memory, &solution.t);
      // A right-hand side that grew beyond all bounds inside the last step is a divergence, not a fault of the step size.
      return finish(OdeStatus::step_collapse);
    }
    const std::span<const double> y = view(s.y);
    while (solution.reached < times.size() && times[solution.reached] <= t) {
      if (times[solution.reached] == t) {
        keep(y);
      } else {
        check(CVodeGetDky(s.memory, times[solution.reached], 0, s.output), "CVodeGetDky");
        keep(view(s.output));
      }
    }
    solution.t = t;
    std::copy(y.begin(), y.end(), solution.last.begin());
    if (flag == CV_ROOT_RETURN) {
      check(CVodeGetRootInfo(s.memory, roots.data()), "CVodeGetRootInfo");
      for (std::size_t k = 0; k < roots.size(); ++k) {
        if (roots[k] == 0 || seen[k]) continue;
        seen[k] = true;
        solution.events.push_back({k, t, {y.begin(), y.end()}});
      }
    } else {
      ++solution.steps;
    }
    for (std::size_t i = 0; i < options.divergence.size(); ++i)
      if (!(std::abs(y[i]) <= options.divergence[i])) return finish(OdeStatus::diverged);
    if (options.on_step && t > t_previous && !options.on_step({t_previous, t, previous, y})) return finish(OdeStatus::stopped);
    if (solution.reached == times.size()) return finish(OdeStatus::done);
    if (solution.steps >= options.max_steps) return finish(OdeStatus::too_many_steps);
    // Steps below the resolution of t for many turns: the solution cannot be followed further.
    tiny = t - t_previous <= 4 * std::numeric_limits<double>::epsilon() * std::abs(t) && flag != CV_ROOT_RETURN ? tiny + 1 : 0;
    if (tiny > 100) return finish(OdeStatus::step_collapse);
    std::copy(y.begin(), y.end(), previous.begin());
    t_previous = t;
  }
}

BoundedOdeSolution integrate_with_bound(const OdeProblem& problem, std::span<const double> y0, double t0, std::span<const double> times, OdeOptions options) {
  const OdeSolution coarse = integrate(problem, y0, t0, times, options);
  options.relative /= 100;
  for (double& a : options.absolute) a /= 100;
  options.max_steps *= 10;
  BoundedOdeSolution result;
  result.solution = integrate(problem, y0, t0, times, options);
  result.bound.resize(result.solution.path.size());
  for (std::size_t k = 0; k < result.bound.size(); ++k) result.bound[k] = 10 * std::abs(result.solution.path[k] - coarse.path[k]);
  return result;
}

}  // namespace meso
