// limits: 1D Klein-Gordon phi^4, velocity Verlet with the spectral Laplacian, FFTW r2c in double, plans measured: what one core can do at most.
#include <fftw3.h>
#include <cstdio>
#include <cmath>
#include <complex>
#include <vector>
#include <ctime>
#include <cstring>
#include <algorithm>
using namespace std;typedef complex<double> C;
static double cpu(){timespec t;clock_gettime(CLOCK_PROCESS_CPUTIME_ID,&t);return t.tv_sec+1e-9*t.tv_nsec;}
int main(){auto al=[&](size_t n){C*p=(C*)fftw_malloc(n*sizeof(C));memset((void*)p,0,n*sizeof(C));return p;};auto ar=[&](size_t n){return (double*)fftw_malloc(n*sizeof(double));};
 for(int n:{512,1024,4096}){int m=n/2+1;double*u=ar(n),*v=ar(n);C*U=al(m);fftw_plan f=fftw_plan_dft_r2c_1d(n,u,(fftw_complex*)U,FFTW_MEASURE),g=fftw_plan_dft_c2r_1d(n,(fftw_complex*)U,u,FFTW_MEASURE);double*lap=ar(n);fftw_plan g2=fftw_plan_dft_c2r_1d(n,(fftw_complex*)U,lap,FFTW_MEASURE);double Lx=60;
  for(int i=0;i<n;i++){double x=-Lx/2+Lx*i/n;u[i]=tanh((x+10)/sqrt(2.))-tanh((x-10)/sqrt(2.))-1;v[i]=0;}
  auto acc2=[&]{fftw_execute(f);for(int j=0;j<m;j++){double k=2*M_PI*j/Lx;U[j]*=-k*k/n;}fftw_execute(g2);};double h=0.005;
  acc2();double T[5];int S2=400000/n;for(auto&q:T){double t=cpu();for(int st=0;st<S2;st++){for(int i=0;i<n;i++){v[i]+=.5*h*(lap[i]+u[i]-u[i]*u[i]*u[i]);u[i]+=h*v[i];}acc2();for(int i=0;i<n;i++)v[i]+=.5*h*(lap[i]+u[i]-u[i]*u[i]*u[i]);}q=S2/(cpu()-t);}sort(T,T+5);
  printf("NKG phi4 1D Stoermer-Verlet (1 fft pair/step) N=%d: %.3e steps/s (best %.3e); Yoshida4 = 3x the cost: %.3e\n",n,T[2],T[4],T[2]/3);}
}
