"""The names that each facade module shows: an allow-list, so that a library's upgrade adds nothing.

A module holds exactly the names written here. What is missing was left out because it opens files,
builds code from text, reads raw memory, imports modules by name or returns another module.
"""

from __future__ import annotations


def names(text: str) -> frozenset[str]:
    return frozenset(text.split())


NUMPY = names(
    """
    False_ ScalarType True_ abs absolute acos acosh add all allclose amax amin angle any append
    apply_along_axis apply_over_axes arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh
    argmax argmin argpartition argsort argwhere around array array2string array_equal
    array_equiv array_repr array_split array_str asanyarray asarray asarray_chkfinite
    ascontiguousarray asfortranarray asin asinh astype atan atan2 atanh atleast_1d atleast_2d
    atleast_3d average bartlett base_repr binary_repr bincount bitwise_and bitwise_count
    bitwise_invert bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor
    blackman block bool bool_ broadcast_arrays broadcast_shapes broadcast_to busday_count
    busday_offset byte bytes_ c_ cbrt cdouble ceil choose clip column_stack complex128
    complex256 complex64 complexfloating compress concat concatenate conj conjugate convolve
    copy copysign corrcoef correlate cos cosh count_nonzero cov cross csingle cumprod cumsum
    cumulative_prod cumulative_sum datetime64 datetime_as_string datetime_data deg2rad degrees
    delete diag diag_indices diag_indices_from diagflat diagonal diff digitize divide divmod dot
    double dsplit dstack dtype e ediff1d einsum empty empty_like equal errstate euler_gamma exp
    exp2 expand_dims expm1 extract eye fabs fft finfo fix flatnonzero flip fliplr flipud
    float128 float16 float32 float64 float_power floating floor floor_divide fmax fmin fmod
    format_float_positional format_float_scientific frexp fromfunction fromiter full full_like
    gcd generic geomspace geterr gradient greater greater_equal half hamming hanning heaviside
    histogram histogram2d histogram_bin_edges histogramdd hsplit hstack hypot i0 identity iinfo
    imag index_exp indices inexact inf inner insert int16 int32 int64 int8 int_ intc integer
    interp intersect1d intp invert is_busday isclose iscomplex iscomplexobj isfinite isfortran
    isin isinf isnan isnat isneginf isposinf isreal isrealobj isscalar issubdtype iterable ix_
    kaiser kron lcm ldexp left_shift less less_equal lexsort lib linalg linspace little_endian
    log log10 log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or logical_xor
    logspace long longlong mask_indices matmul matrix_transpose matvec max maximum mean median
    meshgrid mgrid min minimum mod modf moveaxis multiply nan nan_to_num nanargmax nanargmin
    nancumprod nancumsum nanmax nanmean nanmedian nanmin nanpercentile nanprod nanquantile
    nanstd nansum nanvar ndarray ndenumerate ndim ndindex negative newaxis nextafter nonzero
    not_equal number ogrid ones ones_like outer packbits pad partition percentile permute_dims
    pi piecewise poly poly1d polyadd polyder polydiv polyfit polyint polymul polynomial polysub
    polyval positive pow power prod ptp quantile r_ rad2deg radians random ravel
    ravel_multi_index real real_if_close reciprocal remainder repeat reshape right_shift rint
    roll rollaxis roots rot90 round row_stack s_ searchsorted select set_printoptions setdiff1d
    seterr setxor1d shape short sign signbit signedinteger sin sinc single sinh size sort
    sort_complex spacing split sqrt square squeeze stack std str_ subtract sum swapaxes take
    take_along_axis tan tanh tensordot tile timedelta64 trace transpose trapezoid tri tril
    tril_indices tril_indices_from trim_zeros triu triu_indices triu_indices_from true_divide
    trunc typing ubyte uint uint16 uint32 uint64 uint8 uintc uintp ulong ulonglong union1d
    unique unique_all unique_counts unique_inverse unique_values unpackbits unravel_index
    unsignedinteger unstack unwrap ushort vander var vdot vecdot vecmat vectorize vsplit vstack
    where zeros zeros_like
    """
)

NUMPY_LINALG = names(
    """
    LinAlgError cholesky cond cross det diagonal eig eigh eigvals eigvalsh inv lstsq matmul
    matrix_norm matrix_power matrix_rank matrix_transpose multi_dot norm outer pinv qr slogdet
    solve svd svdvals tensordot tensorinv tensorsolve trace vecdot vector_norm
    """
)

NUMPY_FFT = names(
    """
    fft fft2 fftfreq fftn fftshift hfft ifft ifft2 ifftn ifftshift ihfft irfft irfft2 irfftn
    rfft rfft2 rfftfreq rfftn
    """
)

NUMPY_RANDOM = names(
    """
    RandomState beta binomial chisquare choice default_rng exponential gamma geometric laplace
    lognormal multivariate_normal normal pareto permutation poisson rand randint randn random
    random_sample seed shuffle standard_normal standard_t triangular uniform weibull
    """
)

NUMPY_POLYNOMIAL = names(
    """
    Chebyshev Hermite HermiteE Laguerre Legendre Polynomial
    """
)

PANDAS = names(
    """
    BooleanDtype Categorical CategoricalDtype DataFrame DateOffset DatetimeIndex Float64Dtype
    Grouper Index Int64Dtype Interval MultiIndex NA NaT NamedAgg Period RangeIndex Series
    StringDtype Timedelta TimedeltaIndex Timestamp array bdate_range concat crosstab cut
    date_range errors factorize get_dummies infer_freq isna isnull melt merge merge_asof
    merge_ordered notna notnull offsets period_range pivot pivot_table qcut reset_option
    set_option timedelta_range to_datetime to_numeric to_timedelta tseries unique
    """
)

PANDAS_OFFSETS = names(
    """
    BDay BHalfYearBegin BHalfYearEnd BMonthBegin BMonthEnd BQuarterBegin BQuarterEnd BYearBegin
    BYearEnd BaseOffset BusinessDay BusinessHour BusinessMonthBegin BusinessMonthEnd
    CBMonthBegin CBMonthEnd CDay CustomBusinessDay CustomBusinessHour CustomBusinessMonthBegin
    CustomBusinessMonthEnd DateOffset Day Easter FY5253 FY5253Quarter HalfYearBegin HalfYearEnd
    Hour LastWeekOfMonth Micro Milli Minute MonthBegin MonthEnd Nano QuarterBegin QuarterEnd
    Second SemiMonthBegin SemiMonthEnd Tick Week WeekOfMonth YearBegin YearEnd
    """
)

TALIB = names(
    """
    AC ACCBANDS ACOS AD ADD ADOSC ADR ADX ADXR AO APO AROON AROONOSC ASIN ATAN ATR AVGDEV
    AVGPRICE BBANDS BETA BOP CCI CDL2CROWS CDL3BLACKCROWS CDL3INSIDE CDL3LINESTRIKE CDL3OUTSIDE
    CDL3STARSINSOUTH CDL3WHITESOLDIERS CDLABANDONEDBABY CDLADVANCEBLOCK CDLBELTHOLD CDLBREAKAWAY
    CDLCLOSINGMARUBOZU CDLCONCEALBABYSWALL CDLCOUNTERATTACK CDLDARKCLOUDCOVER CDLDOJI
    CDLDOJISTAR CDLDRAGONFLYDOJI CDLENGULFING CDLEVENINGDOJISTAR CDLEVENINGSTAR
    CDLGAPSIDESIDEWHITE CDLGRAVESTONEDOJI CDLHAMMER CDLHANGINGMAN CDLHARAMI CDLHARAMICROSS
    CDLHIGHWAVE CDLHIKKAKE CDLHIKKAKEMOD CDLHOMINGPIGEON CDLIDENTICAL3CROWS CDLINNECK
    CDLINVERTEDHAMMER CDLKICKING CDLKICKINGBYLENGTH CDLLADDERBOTTOM CDLLONGLEGGEDDOJI
    CDLLONGLINE CDLMARUBOZU CDLMATCHINGLOW CDLMATHOLD CDLMORNINGDOJISTAR CDLMORNINGSTAR
    CDLONNECK CDLPIERCING CDLRICKSHAWMAN CDLRISEFALL3METHODS CDLSEPARATINGLINES CDLSHOOTINGSTAR
    CDLSHORTLINE CDLSPINNINGTOP CDLSTALLEDPATTERN CDLSTICKSANDWICH CDLTAKURI CDLTASUKIGAP
    CDLTHRUSTING CDLTRISTAR CDLUNIQUE3RIVER CDLUPSIDEGAP2CROWS CDLXSIDEGAP3METHODS CEIL CMF CMO
    CMOU COPPOCK CORREL COS COSH CUMSUM CVI DEMA DIV DONCHIAN DPO DX EFI EMA ER ERI EXP FLOOR
    FOSC FRACTAL HA HMA HT_DCPERIOD HT_DCPHASE HT_PHASOR HT_SINE HT_TRENDLINE HT_TRENDMODE IMI
    KAMA KC KDJ LINEARREG LINEARREG_ANGLE LINEARREG_INTERCEPT LINEARREG_SLOPE LN LOG10 MA MACD
    MACDEXT MACDFIX MAMA MARKETFI MASSI MAVP MAX MAXINDEX MA_Type MEDPRICE MFI MIDPOINT MIDPRICE
    MIN MININDEX MINMAX MINMAXINDEX MINUS_DI MINUS_DM MOM MULT NATR NVI OBV PERCENTILE
    PERCENTRANK PLUS_DI PLUS_DM PPO PVI PVO PVT QSTICK RMA ROC ROCP ROCR ROCR100 RSI RVI RVOL
    SAR SAREXT SIN SINH SMA SMI SQRT STDDEV STOCH STOCHF STOCHRSI SUB SUM SUPERTREND T3 TAN TANH
    TEMA TRANGE TRIMA TRIX TSF TSI TYPPRICE ULTOSC VAR VHF VORTEX VWAP VWMA WAD WCLPRICE WILLR
    WMA ZLEMA get_function_groups get_functions
    """
)

PANDAS_TA = names(
    """
    aberration above above_value accbands ad adosc adx adxr alma amat ao aobv apo aroon atr
    avgprice avolume bbands below below_value beta bias bop brar cci cdl_doji cdl_inside
    cdl_pattern cdl_z ce cfo cg chop cksp cmf cmo coppock correl cpr cross cross_value cti cvi
    decay decreasing dema dm donchian dpo drawdown dsp dx ebsw edecay efi ema emv entropy eom er
    eri fisher fosc fwma ha hilo hl2 hlc3 hma ht_dcperiod ht_dcphase ht_phasor ht_sine
    ht_trendline ht_trendmode hvol hwc hwma ichimoku increasing inertia jma kama kc kdj kst
    kurtosis kvo linear_regression linreg linregangle linregintercept linregslope log_return
    long_run lrsi ma macd macdext macdfix mad mama marketfi massi mavp mcgd md median medprice
    mfi midpoint midprice minus_dm mmar mom msw natr nvi obv ohlc4 pdist percent_return pgo
    plus_dm pmax po ppo psar psl pvi pvo pvol pvr pvt pwma qqe qstick quantile rainbow rma roc
    rocp rocr rocr100 rsi rsx rvgi rvi sarext short_run signals sinwma skew slope sma smc_sweep
    smi squeeze squeeze_pro ssf stc stderr stdev stoch stochf stochrsi supertrend swma t3 td_seq
    tema thermo tos_stdevall trima trix trixh true_range tsf tsi tsignals ttm_trend typprice ui
    uo variance vfi vhf vidya vortex vosc vp vwap vwma vwmacd wad wcp willr wma xsignals zlma
    zscore
    """
)

MODULES: dict[str, frozenset[str]] = {
    "abc": names("ABC ABCMeta abstractmethod"),
    "bisect": names("bisect bisect_left bisect_right insort insort_left insort_right"),
    "calendar": names(
        """
        FRIDAY MONDAY SATURDAY SUNDAY THURSDAY TUESDAY WEDNESDAY day_abbr day_name isleap
        leapdays month_abbr month_name monthrange timegm weekday
        """
    ),
    "cmath": names(
        """
        acos acosh asin asinh atan atanh cos cosh e exp inf isclose isfinite isinf isnan log
        log10 nan phase pi polar rect sin sinh sqrt tan tanh tau
        """
    ),
    "collections": names("ChainMap Counter OrderedDict abc defaultdict deque namedtuple"),
    "collections.abc": names(
        """
        Callable Collection Container Generator Hashable ItemsView Iterable Iterator KeysView
        Mapping MutableMapping MutableSequence MutableSet Reversible Sequence Set Sized
        ValuesView
        """
    ),
    "contextlib": names("contextmanager nullcontext suppress"),
    "copy": names("copy deepcopy"),
    "dataclasses": names(
        """
        FrozenInstanceError InitVar KW_ONLY MISSING asdict astuple dataclass field fields
        is_dataclass replace
        """
    ),
    "datetime": names("MAXYEAR MINYEAR UTC date datetime time timedelta timezone tzinfo"),
    "decimal": names(
        """
        Context Decimal DivisionByZero InvalidOperation ROUND_CEILING ROUND_DOWN ROUND_FLOOR
        ROUND_HALF_EVEN ROUND_HALF_UP ROUND_UP getcontext localcontext
        """
    ),
    "enum": names("Enum Flag IntEnum IntFlag StrEnum auto unique"),
    "fractions": names("Fraction"),
    "functools": names(
        """
        cache cached_property cmp_to_key lru_cache partial reduce total_ordering wraps
        """
    ),
    "heapq": names(
        """
        heapify heappop heappush heappushpop heapreplace merge nlargest nsmallest
        """
    ),
    "itertools": names(
        """
        accumulate chain combinations combinations_with_replacement compress count cycle
        dropwhile filterfalse groupby islice pairwise permutations product repeat starmap
        takewhile tee zip_longest
        """
    ),
    "json": names("JSONDecodeError dumps loads"),
    "logging": names(
        """
        CRITICAL DEBUG ERROR FATAL Formatter Handler INFO Logger NOTSET NullHandler
        StreamHandler WARN WARNING basicConfig critical debug disable error exception
        getLogger info log warn warning
        """
    ),
    "math": names(
        """
        acos acosh asin asinh atan atan2 atanh cbrt ceil comb copysign cos cosh degrees dist
        e erf erfc exp exp2 expm1 fabs factorial floor fmod frexp fsum gamma gcd hypot inf
        isclose isfinite isinf isnan isqrt lcm ldexp lgamma log log10 log1p log2 modf nan
        nextafter perm pi pow prod radians remainder sin sinh sqrt tan tanh tau trunc ulp
        """
    ),
    "numbers": names("Integral Number Real"),
    "operator": names(
        """
        abs add and_ attrgetter concat contains countOf eq floordiv ge getitem gt indexOf
        invert is_ is_not itemgetter le lt matmul methodcaller mod mul ne neg not_ or_ pos
        pow sub truediv truth xor
        """
    ),
    "pprint": names("pformat pp pprint"),
    "random": names(
        """
        Random betavariate choice choices expovariate gammavariate gauss getrandbits
        lognormvariate normalvariate paretovariate randint random randrange sample seed
        shuffle triangular uniform vonmisesvariate weibullvariate
        """
    ),
    "statistics": names(
        """
        NormalDist StatisticsError correlation covariance fmean geometric_mean harmonic_mean
        linear_regression mean median median_grouped median_high median_low mode multimode
        pstdev pvariance quantiles stdev variance
        """
    ),
    "string": names(
        """
        ascii_letters ascii_lowercase ascii_uppercase capwords digits hexdigits octdigits
        printable punctuation whitespace
        """
    ),
    "textwrap": names("dedent fill indent shorten wrap"),
    "time": names("gmtime strftime time time_ns"),
    "traceback": names("format_exc print_exc"),
    "types": names("SimpleNamespace"),
    "typing": names(
        """
        AbstractSet Annotated Any AnyStr Callable ChainMap ClassVar Collection Concatenate
        Container Counter DefaultDict Deque Dict Final FrozenSet Generator Generic Hashable
        ItemsView Iterable Iterator KeysView List Literal LiteralString Mapping MutableMapping
        MutableSequence MutableSet NamedTuple Never NewType NoReturn NotRequired Optional
        OrderedDict ParamSpec Protocol Required Reversible Self Sequence Set Sized SupportsAbs
        SupportsFloat SupportsIndex SupportsInt SupportsRound TYPE_CHECKING Text Tuple Type
        TypeAlias TypeGuard TypeVar TypedDict Union ValuesView cast final overload override
        runtime_checkable
        """
    ),
    "warnings": names("catch_warnings filterwarnings resetwarnings simplefilter warn"),
    "zoneinfo": names("ZoneInfo ZoneInfoNotFoundError"),
    "numpy": NUMPY,
    "numpy.linalg": NUMPY_LINALG,
    "numpy.fft": NUMPY_FFT,
    "numpy.random": NUMPY_RANDOM,
    "numpy.polynomial": NUMPY_POLYNOMIAL,
    "numpy.typing": names("ArrayLike DTypeLike NDArray"),
    "pandas": PANDAS,
    "pandas.errors": names("PerformanceWarning"),
    "pandas.offsets": PANDAS_OFFSETS,
    "talib": TALIB | {"abstract"},
    "talib.abstract": TALIB - {"MA_Type", "get_function_groups", "get_functions"},
    "pandas_ta": PANDAS_TA,
    "numpy.lib": names("stride_tricks"),
    "numpy.lib.stride_tricks": names("sliding_window_view"),
    "pandas.tseries": names("offsets"),
    "pandas.tseries.offsets": PANDAS_OFFSETS,
    "pandas_ta_classic": PANDAS_TA,
    "numba": names(
        """
        bool_ boolean experimental float32 float64 int32 int64 int8 jit njit prange types uint64
        uint8 vectorize void
        """
    ),
    "numba.experimental": names("jitclass"),
    "numba.types": names("bool_ boolean float32 float64 int32 int64 int8 uint64 uint8 void"),
    "sandtable": names(
        """
        BacktestError BacktestException CalculationError ConfigurationError DataError
        InsufficientFundsError PositionNotFoundError Strategy StrategyError ValidationError
        crossover crossunder
        """
    ),
}
